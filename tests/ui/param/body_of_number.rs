use hybrid::prelude::*;

#[post("/list")]
async fn list(#[body] n: u32) -> String {
    n.to_string()
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
