use hybrid::prelude::*;

#[get("/users")]
extern "C" fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
