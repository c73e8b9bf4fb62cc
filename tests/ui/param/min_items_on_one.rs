use hybrid::prelude::*;

#[get("/list")]
async fn list(#[query(min_items = 1)] value: u32) -> String {
    format!("{value:?}")
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
