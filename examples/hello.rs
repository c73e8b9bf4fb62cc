//! The smallest program: one async handler and one plain handler.
//!
//! Run with: cargo run --example hello
//! Try: curl 'http://127.0.0.1:8000/hello/Ada' 'http://127.0.0.1:8000/primes?n=30'

use hybrid::prelude::*;

/// Greets a person by name.
#[get("/hello/{name}")]
async fn hello(name: String) -> String {
    format!("Hello, {name}!")
}

/// Lists the primes below a bound.
#[get("/primes")]
fn primes(
    #[query(ge = 2, le = 10_000, default = 100, description = "Upper bound")] n: u32,
) -> Json<Vec<u32>> {
    Json((2..n).filter(|c| (2..*c).all(|d| c % d != 0)).collect())
}

/// The application. Tests build the same one.
pub fn app() -> App {
    App::new().routes(routes![hello, primes])
}

fn main() -> hybrid::Result<()> {
    app().run()
}
