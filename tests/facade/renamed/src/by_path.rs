//! The framework as another crate re-exports it.

use std::{error::Error, fmt};

#[cfg(test)]
use company::web::prelude::TestClient;
use company::web::prelude::{App, Json, Next, Request, Response, Result};

#[company::web::model(crate = company::web)]
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

#[company::web::model(crate = company::web)]
/// A kind.
#[derive(Debug)]
#[non_exhaustive]
pub enum Kind {
    /// The only one.
    One,
}

/// An order.
#[derive(Debug, company::web::FromParam)]
#[hybrid(crate = company::web)]
#[non_exhaustive]
pub enum Sort {
    /// Upwards.
    Up,
    /// Downwards.
    Down,
}

/// An error.
#[derive(Debug, company::web::Problem)]
#[hybrid(crate = company::web)]
#[problem(status = 410, code = "reexported_gone")]
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
#[company::web::extractor(crate = company::web)]
fn user(#[header(default = "nobody")] x_user: String) -> User {
    User(x_user)
}

/// Passes on.
#[company::web::middleware(crate = company::web)]
async fn around(request: Request, next: Next) -> Response {
    next.run(request).await
}

/// Reads.
#[company::web::get("/{id}", crate = company::web)]
pub async fn read(id: u64, #[query(default = Sort::Up)] sort: Sort, user: User) -> String {
    format!("{id} {sort:?} {}", user.0)
}

/// Creates.
#[company::web::post("/items", crate = company::web)]
pub fn create(item: Json<Item>) -> String {
    format!("{:?}", item.into_inner())
}

/// Fails with an error that no signature names.
#[company::web::route("/gone", methods = [GET], crate = company::web)]
pub fn gone() -> Result<()> {
    Err(Gone)?
}

/// Fails with an error of another crate.
#[company::web::get("/unpaid", crate = company::web)]
pub async fn unpaid() -> Result<()> {
    Ok(company::pay()?)
}

/// The application.
pub fn app() -> App {
    App::new()
        .middleware(around)
        .routes(company::web::routes![read, create, gone, unpaid])
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
