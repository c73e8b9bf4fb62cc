use hybrid::prelude::*;

#[get("/files/{*rest}/meta")]
async fn meta(rest: String) -> String {
    rest
}

fn main() {
    let _ = App::new().routes(routes![meta]);
}
