//! Registration, login, and the current user.

use hybrid::prelude::*;

use crate::{
    auth::{self, Keys},
    error::{ApiError, Result},
    store::{
        Connection, Db,
        users::{self, Changes, Login, Registration},
    },
};

/// `{"user": ..}`: all bodies here have this shape.
#[model]
struct Wrapped<T> {
    user: T,
}

#[model(output)]
struct User {
    email: String,
    token: String,
    username: String,
    bio: Option<String>,
    image: Option<String>,
}

type Answer = Json<Wrapped<User>>;

fn answer(db: &Connection, keys: &Keys, id: i64) -> Result<Answer> {
    let users::User { email, username, bio, image } = users::get(db, id)?;
    let user = User { email, token: keys.token(id)?, username, bio, image };
    Ok(Json(Wrapped { user }))
}

/// Registers a user.
#[post("/users", status = 201)]
fn register(
    State(db): State<Db>,
    State(keys): State<Keys>,
    Json(Wrapped { user }): Json<Wrapped<Registration>>,
) -> Result<Answer> {
    let hash = auth::hash(&user.password)?;
    let db = db.get()?;
    let id = users::add(&db, &user, &hash)?;
    answer(&db, &keys, id)
}

/// Returns a token for an address and its password.
#[post("/users/login")]
fn login(
    State(db): State<Db>,
    State(keys): State<Keys>,
    Json(Wrapped { user }): Json<Wrapped<Login>>,
) -> Result<Answer> {
    // Computing the hash takes long, so the handler holds no database connection meanwhile.
    let (id, hash) = users::credentials(&db.get()?, &user.email)?;
    if !auth::is_password(&user.password, &hash)? {
        return Err(ApiError::Credentials);
    }
    answer(&db.get()?, &keys, id)
}

/// Returns the current user.
#[get("/user")]
fn current(
    auth::User(id): auth::User,
    State(db): State<Db>,
    State(keys): State<Keys>,
) -> Result<Answer> {
    answer(&db.get()?, &keys, id)
}

/// Changes the fields of the current user that are given.
#[put("/user")]
fn update(
    auth::User(id): auth::User,
    State(db): State<Db>,
    State(keys): State<Keys>,
    Json(Wrapped { user }): Json<Wrapped<Changes>>,
) -> Result<Answer> {
    let hash = user.password.as_deref().map(auth::hash).transpose()?;
    let db = db.get()?;
    users::change(&db, id, user, hash)?;
    answer(&db, &keys, id)
}

pub(super) fn routes(group: Group) -> Group {
    group.tags(["users"]).routes(routes![register, login, current, update])
}
