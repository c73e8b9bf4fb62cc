//! The two shapes of a middleware.

use hybrid::prelude::*;

#[middleware]
async fn around(request: Request, next: Next) -> Response {
    next.run(request).await
}

#[middleware]
fn before(head: &Head) -> Result<(), Problem> {
    let _ = head;
    Ok(())
}

fn main() {
    let _ = App::new().middleware(around).middleware(before);
}
