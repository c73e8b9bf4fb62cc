use hybrid::prelude::*;

#[get("/users", lane = pool, worker_cpu = "10s")]
fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
