//! Errors: typed errors, other errors with `?`, and the format of error responses.
//!
//! Run with: cargo run --example errors
//! Try: curl -i http://127.0.0.1:8000/users/2 http://127.0.0.1:8000/sum/1+x
//!      curl -i -X POST 'http://127.0.0.1:8000/users?name=Ada'

use hybrid::prelude::*;
use std::{error::Error, fmt, num::ParseIntError};

#[derive(Debug, Problem)]
enum UserError {
    #[problem(status = 404, code = "no_user", detail = "only user 1 is there")]
    NoSuchUser,
    #[problem(status = 409, code = "name_taken", title = "The name is taken")]
    NameTaken,
}

impl Error for UserError {}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("choose another one")
    }
}

#[get("/users/{id}")]
fn user(#[path(ge = 1)] id: u64) -> Result<&'static str, UserError> {
    (id == 1).then_some("Ada").ok_or(UserError::NoSuchUser)
}

/// A typed error keeps its status when `?` converts it into a `Problem`.
#[post("/users", status = 201)]
async fn add(#[query(min_length = 1)] name: String) -> Result<String> {
    let is_free = name != user(1)?;
    Ok(is_free.then_some(name).ok_or(UserError::NameTaken)?)
}

#[get("/sum/{terms}")]
fn sum(terms: String) -> Result<String> {
    let sum: Result<i64, _> = terms.split('+').map(str::parse::<i64>).sum();
    Ok(sum?.to_string())
}

/// Every other error is a 500. The log has its text, the client does not get it.
#[get("/motto")]
fn motto() -> Result<String> {
    Ok(std::fs::read_to_string("/no/such/motto")?)
}

/// The application. Tests build the same one.
pub fn app(format: ErrorFormat) -> App {
    App::new()
        .error_format(format)
        .on_error(|error: &ParseIntError| Problem::bad_request(error.to_string()))
        .routes(routes![user, add, sum, motto])
}

fn main() -> hybrid::Result<()> {
    app(ErrorFormat::Problem).run()
}
