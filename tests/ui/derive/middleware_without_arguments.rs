use hybrid::prelude::*;

#[middleware]
async fn auth() {}

fn main() {}
