use hybrid::prelude::*;

#[get("/list")]
async fn list(#[query] n: u32, #[query("n")] m: u32) -> String {
    format!("{n} {m}")
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
