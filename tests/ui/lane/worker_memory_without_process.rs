use hybrid::prelude::*;

#[get("/users", worker_memory = "2GiB")]
fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
