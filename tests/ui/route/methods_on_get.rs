use hybrid::prelude::*;

#[get("/users", methods = [POST])]
async fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
