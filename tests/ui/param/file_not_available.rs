use hybrid::prelude::*;

#[post("/upload")]
async fn upload(#[file(max_size = "50MB")] file: Bytes) -> String {
    format!("{file:?}")
}

fn main() {
    let _ = App::new().routes(routes![upload]);
}
