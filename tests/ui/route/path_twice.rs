use hybrid::prelude::*;

#[get("/users", "/people")]
async fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
