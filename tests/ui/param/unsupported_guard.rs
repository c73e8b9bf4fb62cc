use hybrid::prelude::*;

struct User;

#[get("/users")]
async fn users(user: User) -> String {
    let User = user;
    String::new()
}

fn main() {
    let _ = App::new().routes(routes![users]);
}
