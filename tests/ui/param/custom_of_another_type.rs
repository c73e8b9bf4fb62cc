use hybrid::prelude::*;

fn even(n: &u64) -> Result<(), String> {
    if n % 2 == 0 { Ok(()) } else { Err("odd".to_owned()) }
}

#[get("/list")]
async fn list(#[query(custom = even)] value: u32) -> String {
    format!("{value:?}")
}

fn main() {
    let _ = App::new().routes(routes![list]);
}
