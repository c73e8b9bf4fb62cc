use hybrid::prelude::*;

#[get("/users", on_disconnect = cancle)]
async fn list() {}

fn main() {
    let _ = App::new().routes(routes![list]);
}
