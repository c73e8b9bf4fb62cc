use hybrid::prelude::*;

#[post("/upload")]
async fn upload(data: Vec<u8>) -> String {
    data.len().to_string()
}

fn main() {
    let _ = App::new().routes(routes![upload]);
}
