use hybrid::prelude::*;

#[model]
struct Order {
    #[serde(rename = "orderId")]
    #[field(alias = "order-id")]
    id: u64,
}

fn main() {}
