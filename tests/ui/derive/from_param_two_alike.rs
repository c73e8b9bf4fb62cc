use hybrid::prelude::*;

#[derive(FromParam)]
#[param(rename_all = "lowercase")]
enum Sort {
    Up,
    #[param(rename = "up")]
    Down,
}

fn main() {}
