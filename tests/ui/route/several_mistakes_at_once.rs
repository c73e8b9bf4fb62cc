use hybrid::prelude::*;

#[get("users/{id}", timout = "2s", status = 99)]
fn user(#[query(ge = 10, le = 5)] n: u32, name: &str) -> String {
    format!("{n} {name}")
}

fn main() {
    let _ = App::new().routes(routes![user]);
}
