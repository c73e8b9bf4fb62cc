use hybrid::prelude::*;

#[get("/list")]
async fn list(#[query(one_of = [])] value: String) -> String {
    format!("{value:?}")
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
