use hybrid::prelude::*;

#[post("/users", body_limit = "2 elephants")]
async fn create() {}

fn main() {
    let _ = App::new().routes(routes![create]);
}
