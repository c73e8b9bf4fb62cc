use hybrid::prelude::*;

#[model]
struct Name(String);

#[model]
struct Order {
    #[field(min_length = 3)]
    name: Name,
}

fn main() {}
