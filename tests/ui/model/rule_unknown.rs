use hybrid::prelude::*;

#[model]
struct Order {
    #[field(mn_length = 1)]
    name: String,
}

fn main() {}
