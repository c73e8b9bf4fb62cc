use hybrid::prelude::*;

#[post("/users", status = 1201)]
async fn create() {}

fn main() {
    let _ = App::new().routes(routes![create]);
}
