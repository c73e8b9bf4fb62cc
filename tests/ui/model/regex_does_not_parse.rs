use hybrid::prelude::*;

#[model]
struct Order {
    #[field(regex = "^[a-z+$")]
    code: String,
}

fn main() {}
