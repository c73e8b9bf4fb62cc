use hybrid::prelude::*;

#[model]
struct Order {
    #[serde(default)]
    #[field(default = 1)]
    count: u8,
}

fn main() {}
