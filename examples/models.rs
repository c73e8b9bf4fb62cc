//! Models: nested, generic, an enum, and a check across fields.
//!
//! Run with: cargo run --example models
//! Try: curl http://127.0.0.1:8000/stays --json '{"items":[{"email":"ada@example.org",
//!        "nights":{"from":3,"to":5},"payment":{"by":"card","number":"4111111111111111"}}]}'
//!      curl http://127.0.0.1:8000/stays --json '{"items":[{"email":"ada",
//!        "nights":{"from":5,"to":3},"payment":{"by":"card","number":"1"}}],"dryRun":"maybe"}'

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
    #[field(ge = 1, le = 31)]
    from: u8,
    #[field(ge = 1, le = 31)]
    to: u8,
}

impl Nights {
    /// Asked once both fields are sound.
    fn in_order(&self) -> Result<(), &'static str> {
        if self.from < self.to {
            Ok(())
        } else {
            Err("must end after it begins")
        }
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
#[serde(rename_all = "camelCase")]
struct Batch<T> {
    #[field(min_items = 1, max_items = 100)]
    items: Vec<T>,
    #[field(default = false)]
    dry_run: bool,
}

#[post("/stays", status = 201)]
fn book(Json(batch): Json<Batch<Stay>>) -> Json<Vec<Stay>> {
    Json(if batch.dry_run {
        Vec::new()
    } else {
        batch.items
    })
}

/// The application; tests build the same one.
pub fn app() -> App {
    App::new().routes(routes![book])
}

fn main() -> hybrid::Result<()> {
    app().run()
}
