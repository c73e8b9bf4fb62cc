use hybrid::prelude::*;

#[get("/list")]
async fn list(#[query(min_items = 5, max_items = 2)] value: Vec<u32>) -> String {
    format!("{value:?}")
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
