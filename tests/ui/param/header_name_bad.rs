use hybrid::prelude::*;

#[get("/list")]
async fn list(#[header("X Request ID")] id: String) -> String {
    id
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
