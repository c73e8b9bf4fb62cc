#![deny(dead_code)]

use hybrid::prelude::*;

#[get("/users")]
async fn list() {}

#[get("/mounted")]
async fn mounted() {}

fn main() {
    let _ = App::new().routes(routes![mounted]);
}
