use hybrid::prelude::*;

#[model]
fn order() {}

fn main() {}
