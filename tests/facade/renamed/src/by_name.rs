//! The framework under the name that `Cargo.toml` gives it.

use std::{error::Error, fmt};

#[cfg(test)]
use framework::prelude::TestClient;
use framework::prelude::{App, Json, Next, Request, Response, Result};

#[framework::model(crate = framework)]
/// An item.
#[derive(Debug)]
#[non_exhaustive]
pub struct Item {
    /// How many.
    #[field(ge = 1, default = 3)]
    pub count: u32,
    /// What kind.
    pub kind: Kind,
}

#[framework::model(crate = framework)]
/// A kind.
#[derive(Debug)]
#[non_exhaustive]
pub enum Kind {
    /// The only one.
    One,
}

/// An order.
#[derive(Debug, framework::FromParam)]
#[hybrid(crate = framework)]
#[non_exhaustive]
pub enum Sort {
    /// Upwards.
    Up,
    /// Downwards.
    Down,
}

/// An error.
#[derive(Debug, framework::Problem)]
#[hybrid(crate = framework)]
#[problem(status = 410, code = "renamed_gone")]
#[non_exhaustive]
pub struct Gone;

impl fmt::Display for Gone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("gone")
    }
}

impl Error for Gone {}

/// Who asks.
#[derive(Debug)]
pub struct User(String);

/// Reads who asks.
#[framework::extractor(crate = framework)]
fn user(#[header(default = "nobody")] x_user: String) -> User {
    User(x_user)
}

/// Passes on.
#[framework::middleware(crate = framework)]
async fn around(request: Request, next: Next) -> Response {
    next.run(request).await
}

/// Reads.
#[framework::get("/{id}", crate = framework)]
pub async fn read(id: u64, #[query(default = Sort::Up)] sort: Sort, user: User) -> String {
    format!("{id} {sort:?} {}", user.0)
}

/// Creates.
#[framework::post("/items", crate = framework)]
pub fn create(item: Json<Item>) -> String {
    format!("{:?}", item.into_inner())
}

/// Fails with an error that no signature names.
#[framework::route("/gone", methods = [GET], crate = framework)]
pub fn gone() -> Result<()> {
    Err(Gone)?
}

/// Fails with an error of another crate.
#[framework::get("/unpaid", crate = framework)]
pub async fn unpaid() -> Result<()> {
    Ok(company::pay()?)
}

/// The application.
pub fn app() -> App {
    App::new()
        .middleware(around)
        .routes(framework::routes![read, create, gone, unpaid])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_macro_finds_the_crate() {
        let client = TestClient::new(app());
        let read = client.get("/7?sort=Down").header("x-user", "Ada").send();
        assert_eq!(read.text(), "7 Down Ada");
        let create = client
            .post("/items")
            .header("content-type", "application/json");
        let created = create.body(r#"{"kind":"One"}"#).send();
        assert_eq!(created.text(), "Item { count: 3, kind: One }");
        assert_eq!(client.get("/gone").send().status(), 410);
        assert_eq!(client.get("/unpaid").send().status(), 402);
    }
}
