use hybrid::prelude::*;

#[get("/list")]
async fn list(#[query(min_length = 5, max_length = 2)] value: String) -> String {
    format!("{value:?}")
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
