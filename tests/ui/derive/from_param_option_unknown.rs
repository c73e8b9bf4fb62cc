use hybrid::prelude::*;

#[derive(FromParam)]
enum Sort {
    #[param(renam = "a")]
    Asc,
}

fn main() {}
