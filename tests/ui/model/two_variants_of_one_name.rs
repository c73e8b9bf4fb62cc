use hybrid::prelude::*;

#[model]
#[serde(rename_all = "lowercase")]
enum Kind {
    Big,
    BIG,
}

fn main() {}
