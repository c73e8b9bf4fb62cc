use hybrid::prelude::*;

#[get("/files/*path")]
async fn file() {}

fn main() {
    let _ = App::new().routes(routes![file]);
}
