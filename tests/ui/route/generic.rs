use hybrid::prelude::*;

#[get("/users")]
async fn list<T: Default>() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
