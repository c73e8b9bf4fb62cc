use hybrid::prelude::*;

#[get("/users/:id")]
async fn user() {}

fn main() {
    let _ = App::new().routes(routes![user]);
}
