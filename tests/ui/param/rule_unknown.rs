use hybrid::prelude::*;

#[get("/list")]
async fn list(#[query(maxLength = 5)] value: String) -> String {
    format!("{value:?}")
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
