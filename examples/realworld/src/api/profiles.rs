//! Profiles, and following them.

use hybrid::prelude::*;
use serde::Serialize;

use crate::{
    auth::{User, Viewer},
    error::Result,
    store::{
        Db,
        profiles::{self, Profile},
    },
};

#[derive(Serialize)]
struct Wrapped {
    profile: Profile,
}

/// Returns a user, as others see them.
#[get("/{username}")]
fn read(Viewer(viewer): Viewer, username: String, State(db): State<Db>) -> Result<Json<Wrapped>> {
    Ok(Json(Wrapped { profile: profiles::get(&db.get()?, &username, viewer)? }))
}

#[post("/{username}/follow")]
fn follow(User(id): User, username: String, State(db): State<Db>) -> Result<Json<Wrapped>> {
    let db = db.get()?;
    profiles::follow(&db, id, &username)?;
    Ok(Json(Wrapped { profile: profiles::get(&db, &username, Some(id))? }))
}

#[delete("/{username}/follow")]
fn unfollow(User(id): User, username: String, State(db): State<Db>) -> Result<Json<Wrapped>> {
    let db = db.get()?;
    profiles::unfollow(&db, id, &username)?;
    Ok(Json(Wrapped { profile: profiles::get(&db, &username, Some(id))? }))
}

pub(super) fn routes(group: Group) -> Group {
    group.tags(["profiles"]).routes(routes![read, follow, unfollow])
}
