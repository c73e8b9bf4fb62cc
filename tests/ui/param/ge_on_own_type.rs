use hybrid::prelude::*;

#[derive(Debug, FromParam)]
enum Sort {
    Asc,
}

#[get("/list")]
async fn list(#[query(ge = 1)] value: Sort) -> String {
    format!("{value:?}")
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
