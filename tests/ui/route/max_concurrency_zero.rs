use hybrid::prelude::*;

#[get("/users", max_concurrency = 0)]
async fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
