use hybrid::prelude::*;

#[get("/list")]
async fn list(#[query(regex = "[a-z")] value: String) -> String {
    format!("{value:?}")
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
