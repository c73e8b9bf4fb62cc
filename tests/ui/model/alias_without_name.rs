use hybrid::prelude::*;

#[model]
struct Id(#[field(alias = "id")] u64);

fn main() {}
