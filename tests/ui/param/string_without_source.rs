use hybrid::prelude::*;

#[get("/users")]
async fn users(name: String) -> String {
    name
}

fn main() {
    let _ = App::new().routes(routes![users]);
}
