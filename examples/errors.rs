//! Errors: ready-made problems, typed ones, any error under `?`, and the shape in
//! which they are written.
//!
//! Run with: cargo run --example errors
//! Try: curl -i http://127.0.0.1:8000/users/2 http://127.0.0.1:8000/users/ada
//!      curl -i -X POST 'http://127.0.0.1:8000/users?name=Ada' 'http://127.0.0.1:8000/users?name='
//!      curl -i http://127.0.0.1:8000/sum/1+x http://127.0.0.1:8000/motto

use std::{fmt, num::ParseIntError};

use hybrid::prelude::*;

#[derive(Debug, Problem)]
pub enum UserError {
    #[problem(status = 404, code = "no_user")]
    NoSuchUser,
    #[problem(status = 409, code = "name_taken", title = "The name is taken")]
    NameTaken(&'static str),
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchUser => f.write_str("only user 1 is there"),
            Self::NameTaken(name) => write!(f, "another one is called {name}"),
        }
    }
}

impl std::error::Error for UserError {}

#[get("/users/{id}")]
fn user(id: u64) -> Result<&'static str, UserError> {
    if id == 1 {
        Ok("Ada")
    } else {
        Err(UserError::NoSuchUser)
    }
}

/// A typed error keeps its status under `?` into a `Problem`.
#[post("/users", status = 201)]
async fn add(#[query(min_length = 1)] name: String) -> Result<String> {
    if name == "Ada" {
        Err(UserError::NameTaken("Ada"))?
    } else {
        Ok(name)
    }
}

#[get("/sum/{terms}")]
fn sum(terms: String) -> Result<String> {
    let terms = terms.split('+').map(str::parse::<i64>);
    Ok(terms.sum::<Result<i64, _>>()?.to_string())
}

/// Any other error is a 500; its text reaches the log and not the client.
#[get("/motto")]
fn motto() -> Result<String> {
    Ok(std::fs::read_to_string("/no/such/motto")?)
}

/// The application; tests build the same one, in either format.
pub fn app(format: ErrorFormat) -> App {
    App::new()
        .error_format(format)
        .on_error(|error: &ParseIntError| Problem::bad_request(error.to_string()))
        .routes(routes![user, add, sum, motto])
}

fn main() -> hybrid::Result<()> {
    app(ErrorFormat::Problem).run()
}
