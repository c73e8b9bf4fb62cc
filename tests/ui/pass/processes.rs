//! The process lane and what its requests may take.

use hybrid::prelude::*;

#[get("/primes", lane = process)]
fn primes(#[query(le = 1_000_000)] n: u32) -> Json<Vec<u32>> {
    Json((2..n).filter(|c| (2..*c).all(|d| c % d != 0)).collect())
}

#[post(
    "/thumbnails",
    lane = process,
    worker_memory = "2GiB",
    worker_cpu = "10s",
    body_limit = "50MB"
)]
fn thumbnail(image: Bytes) -> Bytes {
    image
}

#[get("/bytes", lane = process, worker_memory = 16_777_216, worker_cpu = "1h")]
fn bytes() {}

fn main() {
    let _ = App::new().routes(routes![primes, thumbnail, bytes]);
}
