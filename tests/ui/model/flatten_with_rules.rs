use hybrid::prelude::*;

#[model]
struct Search {
    q: String,
    #[serde(flatten)]
    #[field(min_items = 1)]
    rest: std::collections::BTreeMap<String, String>,
}

fn main() {}
