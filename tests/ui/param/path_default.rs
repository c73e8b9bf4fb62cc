use hybrid::prelude::*;

#[get("/users/{id}")]
async fn user(#[path(default = 1)] id: u64) -> String {
    id.to_string()
}

fn main() {
    let _ = App::new().routes(routes![user]);
}
