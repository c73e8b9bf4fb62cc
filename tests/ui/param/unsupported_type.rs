use hybrid::prelude::*;

struct Page;

#[get("/users")]
async fn users(#[query] page: Page) -> String {
    let Page = page;
    String::new()
}

fn main() {
    let _ = App::new().routes(routes![users]);
}
