use hybrid::prelude::*;

#[get("/{year}{month}")]
async fn archive() {}

fn main() {
    let _ = App::new().routes(routes![archive]);
}
