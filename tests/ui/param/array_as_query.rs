use hybrid::prelude::*;

#[get("/users")]
async fn users(#[query] ids: [u32; 4]) -> String {
    format!("{ids:?}")
}

fn main() {
    let _ = App::new().routes(routes![users]);
}
