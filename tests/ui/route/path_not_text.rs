use hybrid::prelude::*;

const PATH: &str = "/users";

#[get(PATH)]
async fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
