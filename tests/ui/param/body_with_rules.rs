use hybrid::prelude::*;

#[post("/list")]
async fn list(#[body(max_length = 5)] text: String) -> String {
    text
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
