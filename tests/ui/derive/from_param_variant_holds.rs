use hybrid::prelude::*;

#[derive(FromParam)]
enum Sort {
    Asc,
    By(String),
}

fn main() {}
