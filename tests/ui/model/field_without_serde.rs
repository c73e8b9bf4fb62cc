use hybrid::prelude::*;

struct Plain;

#[model]
struct Order {
    plain: Plain,
}

fn main() {}
