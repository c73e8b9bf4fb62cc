use hybrid::prelude::*;

#[allow(non_camel_case_types)]
enum users {}

#[get("/users")]
async fn users() {}

fn main() {}
