//! 100 routes on hybrid, in ten modules.

MODULES

use std::sync::Arc;

use hybrid::prelude::*;

/// The response to a search.
#[model(output)]
pub struct Found {
    id: u64,
    q: String,
    limit: u32,
    trace: String,
    number: u32,
}

/// The response to an order.
#[model(output)]
pub struct Placed {
    name: String,
    total: f64,
    tags: Vec<String>,
    mail: Option<String>,
    number: u32,
}

/// The state of all handlers.
#[derive(Clone)]
pub struct Shared {
    names: Arc<Vec<String>>,
    label: String,
}

fn main() -> hybrid::Result<()> {
    let shared = Shared {
        names: Arc::new(vec!["first".to_owned()]),
        label: "label".to_owned(),
    };
    App::new()
        .state(shared)
        ADDED
        .run()
}
