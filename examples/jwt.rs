//! Guards: hybrid checks a JSON Web Token before all other values of a request. One guard
//! uses another.
//!
//! Run with: JWT_SECRET=secret cargo run --example jwt
//! Try: curl -i http://127.0.0.1:8000/me
//!      curl -i http://127.0.0.1:8000/me -H "authorization: Bearer $TOKEN"
//!      curl -i -X POST 'http://127.0.0.1:8000/transfers?cents=0' -H "authorization: Bearer $TOKEN"

use std::{env, sync::Arc};

use hybrid::prelude::*;
use jsonwebtoken::{DecodingKey, Validation, decode};

/// The content of a token.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct Claims {
    /// The user's name.
    pub sub: String,
    /// The time when the token expires, in seconds since 1970.
    pub exp: u64,
    /// Whether the user may transfer money.
    pub admin: bool,
}

/// The key that checks tokens.
#[derive(Clone)]
pub(crate) struct Key(Arc<DecodingKey>);

impl Key {
    /// Makes the key from a secret.
    pub(crate) fn new(secret: &str) -> Self {
        Self(Arc::new(DecodingKey::from_secret(secret.as_bytes())))
    }

    fn from_env() -> Result<Self, String> {
        let secret = env::var("JWT_SECRET").map_err(|error| format!("JWT_SECRET: {error}"));
        Ok(Self::new(&secret?))
    }
}

#[extractor]
async fn claims(
    #[header] authorization: Option<String>,
    State(Key(key)): State<Key>,
) -> Result<Claims> {
    let token = authorization
        .as_deref()
        .and_then(|value| value.strip_prefix("Bearer "));
    let token = token.ok_or_else(|| Problem::unauthorized("a bearer token is needed"))?;
    let token = decode::<Claims>(token, &key, &Validation::default());
    Ok(token
        .map_err(|_| Problem::unauthorized("the token is not valid"))?
        .claims)
}

/// A user who may transfer money.
struct Admin(Claims);

#[extractor]
async fn admin(claims: Claims) -> Result<Admin> {
    if claims.admin {
        Ok(Admin(claims))
    } else {
        Err(Problem::forbidden("for admins only"))
    }
}

#[get("/me")]
async fn me(claims: Claims) -> String {
    claims.sub
}

#[post("/transfers")]
fn transfer(#[query(ge = 1)] cents: u64, Admin(by): Admin) -> String {
    format!("{cents} cents, by {}", by.sub)
}

/// Works without a token, and greets the user by name if there is one.
#[get("/")]
async fn home(claims: Option<Claims>) -> String {
    format!(
        "Hello, {}!",
        claims.map_or("stranger".to_owned(), |claims| claims.sub)
    )
}

/// The application. Tests build the same one.
pub fn app() -> App {
    App::new()
        .state_with(Key::from_env)
        .routes(routes![me, transfer, home])
}

fn main() -> hybrid::Result<()> {
    app().run()
}
