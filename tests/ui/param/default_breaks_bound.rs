use hybrid::prelude::*;

#[get("/list")]
async fn list(#[query(ge = 1, le = 100, default = 0)] value: u32) -> String {
    format!("{value:?}")
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
