use hybrid::prelude::*;

#[get("/list")]
async fn list(#[cfg(unix)] #[query] n: u32) -> String {
    n.to_string()
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
