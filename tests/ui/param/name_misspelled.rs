use hybrid::prelude::*;

#[get("/users/{user_id}")]
async fn user(userid: u64) -> String {
    userid.to_string()
}

fn main() {
    let _ = App::new().routes(routes![user]);
}
