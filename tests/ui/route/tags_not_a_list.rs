use hybrid::prelude::*;

#[get("/users", tags = 7)]
async fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
