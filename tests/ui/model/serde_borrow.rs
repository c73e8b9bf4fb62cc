use hybrid::prelude::*;

#[model]
struct Order {
    #[serde(borrow)]
    name: std::borrow::Cow<'static, str>,
}

fn main() {}
