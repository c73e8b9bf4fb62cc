//! Comments on an article.

use hybrid::prelude::*;
use serde::Serialize;

use crate::{
    auth::{User, Viewer},
    error::Result,
    store::{
        Db,
        comments::{self, Comment, Draft},
    },
};

#[model(input)]
struct Wrapped {
    comment: Draft,
}

#[derive(Serialize)]
struct One {
    comment: Comment,
}

#[derive(Serialize)]
struct Many {
    comments: Vec<Comment>,
}

#[get("/")]
fn list(Viewer(viewer): Viewer, #[path] slug: String, State(db): State<Db>) -> Result<Json<Many>> {
    Ok(Json(Many { comments: comments::list(&db.get()?, &slug, viewer)? }))
}

#[post("/", status = 201)]
fn create(
    User(id): User,
    #[path] slug: String,
    State(db): State<Db>,
    Json(Wrapped { comment }): Json<Wrapped>,
) -> Result<Json<One>> {
    Ok(Json(One { comment: comments::add(&db.get()?, id, &slug, &comment)? }))
}

#[delete("/{id}")]
fn remove(User(user): User, #[path] slug: String, id: i64, State(db): State<Db>) -> Result<()> {
    comments::remove(&db.get()?, user, &slug, id)
}

pub(super) fn routes(group: Group) -> Group {
    group.tags(["comments"]).routes(routes![list, create, remove])
}
