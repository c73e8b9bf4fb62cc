use hybrid::prelude::*;

#[route("/users")]
async fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
