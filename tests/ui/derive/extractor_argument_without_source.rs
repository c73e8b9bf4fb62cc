use hybrid::prelude::*;

struct User(u64);

#[extractor]
async fn user(id: u64) -> User {
    User(id)
}

fn main() {}
