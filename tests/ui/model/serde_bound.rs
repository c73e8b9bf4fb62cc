use hybrid::prelude::*;

#[model]
#[serde(bound = "T: Copy")]
struct Page<T> {
    items: Vec<T>,
}

fn main() {}
