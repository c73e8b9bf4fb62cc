use hybrid::prelude::*;

#[model]
struct Order {
    #[field("orderId")]
    id: u64,
}

fn main() {}
