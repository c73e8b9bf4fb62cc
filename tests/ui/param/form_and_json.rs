use hybrid::prelude::*;

#[post("/users")]
async fn create(#[form] name: String, json: Json<u32>) -> String {
    format!("{name} {json:?}")
}

fn main() {
    let _ = App::new().routes(routes![create]);
}
