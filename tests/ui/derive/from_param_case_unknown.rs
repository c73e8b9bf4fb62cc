use hybrid::prelude::*;

#[derive(FromParam)]
#[param(rename_all = "kebabcase")]
enum Sort {
    Asc,
}

fn main() {}
