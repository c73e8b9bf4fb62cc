use hybrid::prelude::*;

#[get("/users/{id}/friends/{id}")]
async fn friend(id: u64) -> String {
    id.to_string()
}

fn main() {
    let _ = App::new().routes(routes![friend]);
}
