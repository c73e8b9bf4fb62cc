use hybrid::prelude::*;

#[middleware]
fn auth(request: Request, next: Next) -> Response {
    next.run(request)
}

fn main() {}
