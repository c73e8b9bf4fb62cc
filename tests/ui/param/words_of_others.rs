use hybrid::prelude::*;

#[model]
struct User {
    #[field(email)]
    email: String,
    #[field(length(min = 1))]
    name: String,
}

#[post("/users", guard = Admin)]
fn create(#[query(min = 1, max = 9)] _n: u32, #[query(pattern = "^a")] _word: String, _body: Json<User>) {}

fn main() {
    let _ = App::new().routes(routes![create]);
}
