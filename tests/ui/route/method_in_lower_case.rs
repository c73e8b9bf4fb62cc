use hybrid::prelude::*;

#[route("/users", methods = [get])]
async fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
