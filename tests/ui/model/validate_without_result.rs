use hybrid::prelude::*;

#[model(validate = check)]
struct Order {
    id: u64,
}

fn check(order: &Order) -> bool {
    order.id > 0
}

fn main() {}
