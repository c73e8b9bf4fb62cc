use hybrid::prelude::*;

#[model]
#[derive(Clone, Copy)]
union Number {
    whole: u64,
    real: f64,
}

fn main() {}
