use hybrid::prelude::*;

#[get("/users?page={page}")]
async fn users() {}

fn main() {
    let _ = App::new().routes(routes![users]);
}
