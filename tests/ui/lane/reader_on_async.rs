use hybrid::prelude::*;

#[post("/upload")]
async fn upload(body: BodyReader) {
    drop(body);
}

fn main() {
    let _ = App::new().routes(routes![upload]);
}
