use hybrid::prelude::*;

#[get("/users/{id:[0-9]+}")]
async fn user() {}

fn main() {
    let _ = App::new().routes(routes![user]);
}
