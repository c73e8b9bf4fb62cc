use hybrid::prelude::*;

#[model]
struct Order {
    #[field(default = "cheap", regex = "^(standard|premium)$")]
    kind: String,
}

fn main() {}
