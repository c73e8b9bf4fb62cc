//! Words and typed errors.

use hybrid::prelude::*;
use std::fmt;

#[derive(Debug, FromParam)]
#[param(rename_all = "kebab-case")]
enum Sort {
    NewestFirst,
    #[param(rename = "old", alias = "oldest")]
    OldestFirst,
}

#[derive(Debug, Problem)]
#[problem(status = 404)]
enum UserError {
    NoSuchUser(u64),
    #[problem(status = 409, code = "taken", title = "Name taken", detail = "choose another name")]
    Taken { name: String },
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchUser(id) => write!(f, "no user {id}"),
            Self::Taken { name } => write!(f, "{name} is taken"),
        }
    }
}

impl std::error::Error for UserError {}

/// Says nothing of itself.
#[derive(Problem)]
#[problem(status = 410, code = "gone")]
struct Gone;

#[get("/users/{id}")]
fn user(id: u64, #[query] sort: Sort) -> Result<String, UserError> {
    match sort {
        Sort::NewestFirst => Err(UserError::NoSuchUser(id)),
        Sort::OldestFirst => Err(UserError::Taken { name: "x".to_owned() }),
    }
}

#[get("/through")]
async fn through() -> Result<String> {
    Ok(user(1, Sort::OldestFirst)?)
}

#[get("/gone")]
async fn gone() -> Result<(), Gone> {
    Err(Gone)
}

fn main() {
    assert_eq!(Sort::from_param("newest-first").map(|sort| format!("{sort:?}")).ok().as_deref(), Some("NewestFirst"));
    assert!(Sort::from_param("oldest").is_ok());
    assert!(Sort::from_param("NewestFirst").is_err());
    let _ = App::new().routes(routes![user, through, gone]);
}
