use hybrid::prelude::*;

#[get("/users/{ids}")]
async fn user(ids: Vec<u64>) -> String {
    format!("{ids:?}")
}

fn main() {
    let _ = App::new().routes(routes![user]);
}
