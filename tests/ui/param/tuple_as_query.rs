use hybrid::prelude::*;

#[get("/users")]
async fn users(#[query] range: (u32, u32)) -> String {
    format!("{range:?}")
}

fn main() {
    let _ = App::new().routes(routes![users]);
}
