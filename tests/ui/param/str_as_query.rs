use hybrid::prelude::*;

#[get("/users")]
async fn users(#[query] name: &str) -> String {
    name.to_owned()
}

fn main() {
    let _ = App::new().routes(routes![users]);
}
