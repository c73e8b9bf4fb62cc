use hybrid::prelude::*;

mod users {}

#[get("/users")]
async fn users() {}

fn main() {
    let _ = App::new().routes(routes![users]);
}
