use hybrid::prelude::*;

#[get("/users/{}")]
async fn user() {}

fn main() {
    let _ = App::new().routes(routes![user]);
}
