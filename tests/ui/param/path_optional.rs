use hybrid::prelude::*;

#[get("/users/{id}")]
async fn user(id: Option<u64>) -> String {
    format!("{id:?}")
}

fn main() {
    let _ = App::new().routes(routes![user]);
}
