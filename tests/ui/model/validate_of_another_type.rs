use hybrid::prelude::*;

#[model(validate = check)]
struct Order {
    id: u64,
}

fn check(id: u64) -> Result<(), String> {
    Err(id.to_string())
}

fn main() {}
