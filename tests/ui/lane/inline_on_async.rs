use hybrid::prelude::*;

#[get("/users", lane = inline)]
async fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
