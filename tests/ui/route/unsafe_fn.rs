use hybrid::prelude::*;

#[get("/users")]
unsafe fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
