//! Passwords, tokens, and the guards that read them.

use std::sync::Arc;

use argon2::{
    Argon2, PasswordHash, PasswordHasher as _, PasswordVerifier as _,
    password_hash::{SaltString, rand_core::OsRng},
};
use hybrid::prelude::*;
use jsonwebtoken::{DecodingKey, EncodingKey, Validation, decode, encode, get_current_timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    error::{ApiError, Result},
    settings::Settings,
};

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: i64,
    exp: u64,
}

/// The keys that sign and check tokens.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    sign: EncodingKey,
    check: DecodingKey,
    seconds: u64,
}

impl Keys {
    pub fn new(settings: Settings) -> Result<Self> {
        let secret = settings.secret.as_bytes();
        Ok(Self(Arc::new(Inner {
            sign: EncodingKey::from_secret(secret),
            check: DecodingKey::from_secret(secret),
            seconds: settings.token_days * 24 * 3600,
        })))
    }

    /// Makes a token for a user.
    pub fn token(&self, user: i64) -> Result<String> {
        let claims = Claims { sub: user, exp: get_current_timestamp() + self.0.seconds };
        Ok(encode(&Default::default(), &claims, &self.0.sign)?)
    }

    fn user(&self, token: &str) -> Result<i64> {
        let token = decode::<Claims>(token, &self.0.check, &Validation::default());
        token.map(|token| token.claims.sub).map_err(|_| ApiError::BadToken)
    }
}

/// The id of the user, if the request has a token. A bad token is refused.
#[derive(Clone, Copy)]
pub struct Viewer(pub Option<i64>);

#[extractor]
async fn viewer(
    #[header] authorization: Option<String>,
    State(keys): State<Keys>,
) -> Result<Viewer> {
    let Some(value) = authorization else {
        return Ok(Viewer(None));
    };
    let token = value.strip_prefix("Token ").or_else(|| value.strip_prefix("Bearer "));
    Ok(Viewer(Some(keys.user(token.ok_or(ApiError::BadToken)?)?)))
}

/// The id of the user. A request without a token is refused.
#[derive(Clone, Copy)]
pub struct User(pub i64);

#[extractor]
async fn user(Viewer(user): Viewer) -> Result<User> {
    user.map(User).ok_or(ApiError::NoToken)
}

pub fn hash(password: &str) -> Result<String> {
    let salt = SaltString::generate(&mut OsRng);
    Ok(Argon2::default().hash_password(password.as_bytes(), &salt)?.to_string())
}

pub fn is_password(password: &str, hash: &str) -> Result<bool> {
    let hash = PasswordHash::new(hash)?;
    Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}
