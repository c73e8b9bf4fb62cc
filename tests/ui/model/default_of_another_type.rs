use hybrid::prelude::*;

#[model]
struct Order {
    #[field(default = "one")]
    count: u8,
}

fn main() {}
