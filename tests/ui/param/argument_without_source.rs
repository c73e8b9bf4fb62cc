use hybrid::prelude::*;

#[get("/users")]
async fn users(page: u32) -> String {
    page.to_string()
}

fn main() {
    let _ = App::new().routes(routes![users]);
}
