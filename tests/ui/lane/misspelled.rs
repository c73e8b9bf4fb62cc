use hybrid::prelude::*;

#[get("/users", lane = evnt)]
async fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
