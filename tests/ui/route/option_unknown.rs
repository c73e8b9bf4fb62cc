use hybrid::prelude::*;

#[get("/users", timout = "2s")]
async fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
