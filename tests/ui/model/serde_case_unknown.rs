use hybrid::prelude::*;

#[model]
#[serde(rename_all = "camelcase")]
struct Order {
    first_name: String,
}

fn main() {}
