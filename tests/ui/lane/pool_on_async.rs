use hybrid::prelude::*;

#[get("/users", lane = pool)]
async fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
