use hybrid::prelude::*;

struct Users;

impl Users {
    #[get("/users")]
    async fn list() {}
}

fn main() {}
