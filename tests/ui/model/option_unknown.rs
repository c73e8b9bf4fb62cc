use hybrid::prelude::*;

#[model(inptu)]
struct Order {
    id: u64,
}

fn main() {}
