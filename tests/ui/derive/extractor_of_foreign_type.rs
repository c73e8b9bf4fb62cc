use hybrid::prelude::*;

#[extractor]
fn user(#[header] authorization: String) -> Option<u64> {
    authorization.parse().ok()
}

fn main() {}
