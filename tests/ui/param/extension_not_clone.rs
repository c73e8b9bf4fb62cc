use hybrid::prelude::*;

struct Db;

#[get("/users")]
async fn list(Extension(db): Extension<Db>) {
    let Db = db;
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
