use hybrid::prelude::*;
use std::collections::HashMap;

#[get("/users")]
async fn users(#[query] all: HashMap<String, String>) -> String {
    all.len().to_string()
}

fn main() {
    let _ = App::new().routes(routes![users]);
}
