//! Models: nested, generic, an enum, and a check across fields.
//!
//! Run with: cargo run --example models
//! Try: curl http://127.0.0.1:8000/stays --json '{"items":[{"email":"ada@example.org",
//!        "nights":{"from":3,"to":5},"payment":{"by":"card","number":"4111"}}]}'

use hybrid::prelude::*;

#[model]
struct Stay {
    #[field(format = "email")]
    email: String,
    nights: Nights,
    payment: Payment,
}

#[model(deny_unknown, validate = Nights::in_order)]
struct Nights {
    #[field(ge = 1)]
    from: u8,
    #[field(le = 31)]
    to: u8,
}

impl Nights {
    fn in_order(&self) -> Result<(), &'static str> {
        let in_order = (self.from < self.to).then_some(());
        in_order.ok_or("must end after it begins")
    }
}

#[model]
#[serde(tag = "by", rename_all = "lowercase")]
enum Payment {
    Cash,
    Card {
        #[field(regex = "^[0-9]{16}$")]
        number: String,
    },
}

#[model]
struct Batch<T> {
    #[field(min_items = 1, max_items = 100)]
    items: Vec<T>,
}

#[post("/stays", status = 201)]
fn book(Json(batch): Json<Batch<Stay>>) -> Json<Vec<Stay>> {
    Json(batch.items)
}

/// The application. Tests build the same one.
pub fn app() -> App {
    App::new().routes(routes![book])
}

fn main() -> hybrid::Result<()> {
    app().run()
}
