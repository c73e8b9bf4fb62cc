use hybrid::prelude::*;
use std::future::Future;

#[get("/users")]
fn list() -> impl Future<Output = String> {
    async { String::new() }
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
