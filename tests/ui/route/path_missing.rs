use hybrid::prelude::*;

#[get]
async fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
