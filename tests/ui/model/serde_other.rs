use hybrid::prelude::*;

#[model]
enum Kind {
    Big,
    #[serde(other)]
    Unknown,
}

fn main() {}
