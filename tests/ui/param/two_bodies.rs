use hybrid::prelude::*;

#[post("/users")]
async fn create(first: Json<u32>, #[body] second: String) -> String {
    format!("{first:?} {second}")
}

fn main() {
    let _ = App::new().routes(routes![create]);
}
