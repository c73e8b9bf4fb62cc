use hybrid::prelude::*;

#[model]
struct Order {
    id: u64,
    #[serde(skip)]
    #[field(ge = 1)]
    cached: u64,
}

fn main() {}
