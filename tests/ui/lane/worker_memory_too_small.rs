use hybrid::prelude::*;

#[get("/users", lane = process, worker_memory = "8MiB")]
fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
