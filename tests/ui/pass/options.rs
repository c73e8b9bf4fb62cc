//! Every option of a route.

use hybrid::prelude::*;

#[get(
    "/reports",
    lane = inline,
    timeout = "1.5s",
    max_concurrency = 64,
    body_limit = "2MiB",
    on_disconnect = detach,
    status = 201,
    tags = ["reports"],
    summary = "Makes a report",
    operation_id = "makeReport",
    deprecated,
    hidden,
)]
fn report() -> &'static str {
    "made"
}

#[route("/both", methods = [GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS], timeout = none, lane = pool)]
fn both() {}

#[get("/version", lane = auto)]
fn version() -> &'static str {
    "1.0"
}

#[put("/a")]
async fn a() {}

#[patch("/a")]
async fn b() {}

#[delete("/a")]
async fn c() {}

#[head("/a")]
async fn d() {}

#[options("/a")]
async fn e() {}

fn main() {
    let _ = App::new().routes(routes![report, both, version, a, b, c, d, e]);
}
