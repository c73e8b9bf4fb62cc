use hybrid::prelude::*;

#[model]
struct Order {
    #[field(custom = even)]
    id: u64,
}

fn even(id: &u8) -> Result<(), &'static str> {
    if id % 2 == 0 { Ok(()) } else { Err("must be even") }
}

fn main() {}
