use hybrid::prelude::*;

#[get("/users", lane = auto)]
async fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
