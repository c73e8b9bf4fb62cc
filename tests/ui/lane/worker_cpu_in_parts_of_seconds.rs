use hybrid::prelude::*;

#[get("/users", lane = process, worker_cpu = "1.5s")]
fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
