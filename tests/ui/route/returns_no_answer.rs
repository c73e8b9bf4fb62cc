use hybrid::prelude::*;

struct User;

#[get("/users")]
async fn user() -> User {
    User
}

fn main() {
    let _ = App::new().routes(routes![user]);
}
