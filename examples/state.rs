//! States: shared values that are made before the server listens. A group's state shadows the
//! app's. Hooks run at the start and at the stop.
//!
//! Run with: cargo run --example state
//! Try: curl http://127.0.0.1:8000/count http://127.0.0.1:8000/count
//!      curl http://127.0.0.1:8000/greeting http://127.0.0.1:8000/fr/greeting

use std::io::{self, Write as _};
use std::sync::{Arc, atomic::AtomicU64, atomic::Ordering};

use hybrid::prelude::*;

/// Counts requests. hybrid clones a state for each request, and cloning an `Arc` is cheap.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

#[derive(Clone)]
struct Greeting(String);

#[get("/count")]
async fn count(State(Counter(counter)): State<Counter>) -> String {
    (counter.fetch_add(1, Ordering::Relaxed) + 1).to_string()
}

#[get("/greeting")]
fn greeting(State(Greeting(text)): State<Greeting>) -> String {
    text
}

/// Stands for a file or a database. If it returns an error, the server does not start.
fn load() -> io::Result<Greeting> {
    Ok(Greeting("Hello!".to_owned()))
}

async fn load_french() -> io::Result<Greeting> {
    Ok(Greeting("Bonjour !".to_owned()))
}

fn french(group: Group) -> Group {
    group
        .state_with_async(load_french)
        .routes(routes![greeting])
}

/// The application. Tests build the same one.
pub fn app(counter: Counter) -> App {
    let at_stop = counter.clone();
    App::new()
        .state(counter)
        .state_with(load)
        .routes(routes![count, greeting])
        .group("/fr", french)
        .on_start(|| writeln!(io::stderr(), "nobody counted yet"))
        .on_stop(move || writeln!(io::stderr(), "answered {at_stop:?}"))
}

fn main() -> hybrid::Result<()> {
    app(Counter::default()).run()
}
