use hybrid::prelude::*;

#[get("/list")]
async fn list(#[query(regex = "^(asc|desc)$", default = "up")] value: String) -> String {
    format!("{value:?}")
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
