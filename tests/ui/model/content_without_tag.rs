use hybrid::prelude::*;

#[model]
#[serde(content = "c")]
enum Kind {
    Big,
}

fn main() {}
