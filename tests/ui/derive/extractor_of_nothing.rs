use hybrid::prelude::*;

#[extractor]
fn user(#[header] authorization: String) {
    drop(authorization);
}

fn main() {}
