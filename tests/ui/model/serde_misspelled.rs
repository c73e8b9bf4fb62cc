use hybrid::prelude::*;

#[model]
#[serde(rename_al = "camelCase")]
struct Order {
    first_name: String,
}

fn main() {}
