use hybrid::prelude::*;

#[model]
struct Order {
    #[field(ge = 10, le = 5)]
    count: u8,
}

fn main() {}
