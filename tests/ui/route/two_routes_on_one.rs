use hybrid::prelude::*;

#[get("/users")]
#[get("/people")]
async fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
