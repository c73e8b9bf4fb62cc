use hybrid::prelude::*;

#[get("/users", lane = thread)]
fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
