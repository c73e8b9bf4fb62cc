use hybrid::prelude::*;

#[route("/users", methods = [GET, FETCH])]
async fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
