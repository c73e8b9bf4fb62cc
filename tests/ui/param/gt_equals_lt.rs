use hybrid::prelude::*;

#[get("/list")]
async fn list(#[query(gt = 5, lt = 5)] value: u32) -> String {
    format!("{value:?}")
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
