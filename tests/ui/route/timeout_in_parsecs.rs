use hybrid::prelude::*;

#[get("/users", timeout = "2 parsecs")]
async fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
