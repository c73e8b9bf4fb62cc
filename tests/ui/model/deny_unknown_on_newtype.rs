use hybrid::prelude::*;

#[model(deny_unknown)]
struct Id(u64);

fn main() {}
