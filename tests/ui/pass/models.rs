//! A model needs nothing but the facade, and brings no warning into a strict crate.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unused_qualifications, unreachable_pub, missing_debug_implementations)]

use std::collections::BTreeMap;

use hybrid::prelude::*;

/// An order.
#[model(deny_unknown, validate = Order::check)]
#[derive(Debug, Clone)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Its number.
    #[field(ge = 1)]
    pub id: u64,
    #[field(default = "standard", one_of = ["standard", "express"])]
    delivery: String,
    lines: Vec<Line>,
    #[field(alias = "X-Note", max_length = 80)]
    note: Option<String>,
    prices: BTreeMap<String, f64>,
    #[deprecated]
    old: Option<u8>,
}

impl Order {
    fn check(&self) -> Result<(), &'static str> {
        if self.lines.is_empty() { Err("has no lines") } else { Ok(()) }
    }
}

/// A line.
#[model]
#[derive(Debug, Clone)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Line {
    /// Text.
    Text {
        /// What it says.
        #[field(min_length = 1)]
        text: String,
    },
    /// Nothing.
    Empty,
}

/// A page.
#[model(output)]
#[derive(Debug)]
pub struct Page<T> {
    #[field(max_items = 10)]
    items: Vec<T>,
}

/// A query.
#[model(input)]
#[derive(Debug)]
pub struct Paging {
    #[field(ge = 1, default = 1)]
    page: u32,
}

/// Creates an order.
#[post("/orders")]
async fn create(paging: Query<Paging>, order: Json<Order>) -> Json<Page<Order>> {
    let _ = paging.page;
    Json(Page { items: vec![order.into_inner()] })
}

fn main() {
    let _ = App::new().routes(routes![create]);
}
