use hybrid::prelude::*;

#[get("/users", lane = event)]
fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
