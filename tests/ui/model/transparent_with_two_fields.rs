use hybrid::prelude::*;

#[model]
#[serde(transparent)]
struct Id {
    high: u64,
    low: u64,
}

fn main() {}
