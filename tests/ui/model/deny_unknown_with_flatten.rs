use hybrid::prelude::*;

#[model]
struct Paging {
    page: u32,
}

#[model(deny_unknown)]
struct Search {
    q: String,
    #[serde(flatten)]
    paging: Paging,
}

fn main() {}
