use hybrid::prelude::*;

#[get("/list")]
async fn list(#[query(ge = 256)] value: u8) -> String {
    format!("{value:?}")
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
