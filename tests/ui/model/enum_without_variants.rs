use hybrid::prelude::*;

#[model]
enum Nothing {}

fn main() {}
