use hybrid::prelude::*;
use std::rc::Rc;

#[get("/users")]
async fn list() -> String {
    let shared = Rc::new(1);
    std::future::ready(()).await;
    shared.to_string()
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
