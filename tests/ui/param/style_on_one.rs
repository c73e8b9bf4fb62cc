use hybrid::prelude::*;

#[get("/list")]
async fn list(#[query(style = csv)] value: u32) -> String {
    format!("{value:?}")
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
