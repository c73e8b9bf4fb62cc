use hybrid::prelude::*;

#[model]
struct Order {
    name: &'static str,
}

fn main() {}
