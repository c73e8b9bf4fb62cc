use hybrid::prelude::*;

#[get("/users", lane = queue)]
fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
