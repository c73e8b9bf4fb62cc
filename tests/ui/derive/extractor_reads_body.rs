use hybrid::prelude::*;

struct User(u32);

#[extractor]
async fn user(body: Json<u32>) -> User {
    User(body.0)
}

fn main() {}
