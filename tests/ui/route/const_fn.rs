use hybrid::prelude::*;

#[get("/users")]
const fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
