use hybrid::prelude::*;

async fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
