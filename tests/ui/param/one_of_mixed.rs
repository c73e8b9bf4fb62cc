use hybrid::prelude::*;

#[get("/list")]
async fn list(#[query(one_of = [1, "two"])] value: String) -> String {
    format!("{value:?}")
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
