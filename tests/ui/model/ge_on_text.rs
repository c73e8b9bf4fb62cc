use hybrid::prelude::*;

#[model]
struct Order {
    #[field(ge = 3)]
    name: String,
}

fn main() {}
