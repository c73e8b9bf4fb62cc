//! Attributes of the function stay with it.

use hybrid::prelude::*;

#[get("/never")]
#[cfg(any())]
async fn never() {}

#[cfg(any())]
#[get("/never")]
async fn never_either() {}

#[get("/always")]
#[cfg(all())]
#[inline]
#[must_use]
fn always(#[allow(unused_variables)] #[query] n: u8) -> String {
    String::new()
}

fn main() {
    let _ = App::new().routes(routes![always]);
}
