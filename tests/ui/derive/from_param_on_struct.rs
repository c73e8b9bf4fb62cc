use hybrid::prelude::*;

#[derive(FromParam)]
struct Page {
    number: u32,
}

fn main() {}
