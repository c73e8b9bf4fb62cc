use hybrid::prelude::*;

#[model(validate = "Order::check")]
struct Order {
    id: u64,
}

impl Order {
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

fn main() {}
