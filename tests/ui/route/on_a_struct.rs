use hybrid::prelude::*;

#[get("/users")]
struct Users;

fn main() {}
