use hybrid::prelude::*;

#[model]
#[serde(tag = "kind")]
struct Order {
    id: u64,
}

fn main() {}
