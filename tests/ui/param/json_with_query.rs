use hybrid::prelude::*;

#[get("/users")]
async fn users(#[query] page: Json<u32>) -> String {
    format!("{page:?}")
}

fn main() {
    let _ = App::new().routes(routes![users]);
}
