use hybrid::prelude::*;

#[get(path = "/users")]
async fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
