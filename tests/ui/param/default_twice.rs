use hybrid::prelude::*;

#[get("/list")]
async fn list(#[query(default = 1, default_with = Default::default)] value: u32) -> String {
    format!("{value:?}")
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
