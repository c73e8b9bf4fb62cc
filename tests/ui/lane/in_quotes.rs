use hybrid::prelude::*;

#[get("/users", lane = "pool")]
fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
