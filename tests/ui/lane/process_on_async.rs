use hybrid::prelude::*;

#[get("/users", lane = process)]
async fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
