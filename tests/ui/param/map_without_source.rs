use hybrid::prelude::*;
use std::collections::HashMap;

#[get("/users")]
async fn users(filter: HashMap<String, String>) -> String {
    filter.len().to_string()
}

fn main() {
    let _ = App::new().routes(routes![users]);
}
