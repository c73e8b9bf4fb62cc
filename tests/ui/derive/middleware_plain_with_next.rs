use hybrid::prelude::*;

#[middleware]
fn auth(request: Request, next: Next) -> Response {
    let _ = (request, next);
    Response::default()
}

fn main() {}
