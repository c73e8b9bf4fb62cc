use hybrid::prelude::*;

#[get("/list")]
async fn list(#[query] (a, b): Pair) -> String {
    format!("{a} {b}")
}

type Pair = (u32, u32);

fn main() {
    let _ = App::new().routes(routes![list]);
}
