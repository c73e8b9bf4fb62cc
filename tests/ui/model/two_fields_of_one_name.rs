use hybrid::prelude::*;

#[model]
struct Order {
    id: u64,
    #[field(alias = "id")]
    number: u64,
}

fn main() {}
