use hybrid::prelude::*;

#[model(input, output)]
struct Order {
    id: u64,
}

fn main() {}
