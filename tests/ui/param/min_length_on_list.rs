use hybrid::prelude::*;

#[get("/list")]
async fn list(#[query(min_length = 1)] value: Vec<u32>) -> String {
    format!("{value:?}")
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
