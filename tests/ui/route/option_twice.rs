use hybrid::prelude::*;

#[get("/users", timeout = "2s", timeout = "3s")]
async fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
