//! Articles: lists, the feed, one article, and favourites.

use hybrid::prelude::*;
use serde::Serialize;

use crate::{
    auth::{User, Viewer},
    error::Result,
    store::{
        Connection, Db,
        articles::{self, Article, Changes, Draft, Filter, Page},
    },
};

#[model(input)]
struct Wrapped<T> {
    article: T,
}

#[derive(Serialize)]
struct One {
    article: Article,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Many {
    articles: Vec<Article>,
    articles_count: u64,
}

fn one(db: &Connection, slug: &str, viewer: Option<i64>) -> Result<Json<One>> {
    Ok(Json(One { article: articles::get(db, slug, viewer)? }))
}

/// Lists the newest articles.
#[get("/")]
fn list(
    Viewer(viewer): Viewer,
    Query(filter): Query<Filter>,
    Query(page): Query<Page>,
    State(db): State<Db>,
) -> Result<Json<Many>> {
    let (articles, articles_count) = articles::list(&db.get()?, &filter, viewer, &page)?;
    Ok(Json(Many { articles, articles_count }))
}

/// Lists the newest articles of the authors whom the user follows.
#[get("/feed")]
fn feed(User(id): User, Query(page): Query<Page>, State(db): State<Db>) -> Result<Json<Many>> {
    let (articles, articles_count) = articles::feed(&db.get()?, id, &page)?;
    Ok(Json(Many { articles, articles_count }))
}

#[get("/{slug}")]
fn read(Viewer(viewer): Viewer, slug: String, State(db): State<Db>) -> Result<Json<One>> {
    one(&db.get()?, &slug, viewer)
}

#[post("/", status = 201)]
fn create(
    User(id): User,
    State(db): State<Db>,
    Json(Wrapped { article }): Json<Wrapped<Draft>>,
) -> Result<Json<One>> {
    let mut db = db.get()?;
    let slug = articles::add(&mut db, id, &article)?;
    one(&db, &slug, Some(id))
}

#[put("/{slug}")]
fn update(
    User(id): User,
    slug: String,
    State(db): State<Db>,
    Json(Wrapped { article }): Json<Wrapped<Changes>>,
) -> Result<Json<One>> {
    let mut db = db.get()?;
    let slug = articles::change(&mut db, id, &slug, &article)?;
    one(&db, &slug, Some(id))
}

#[delete("/{slug}")]
fn remove(User(id): User, slug: String, State(db): State<Db>) -> Result<()> {
    articles::remove(&db.get()?, id, &slug)
}

#[post("/{slug}/favorite")]
fn favorite(User(id): User, slug: String, State(db): State<Db>) -> Result<Json<One>> {
    let db = db.get()?;
    articles::favorite(&db, id, &slug)?;
    one(&db, &slug, Some(id))
}

#[delete("/{slug}/favorite")]
fn unfavorite(User(id): User, slug: String, State(db): State<Db>) -> Result<Json<One>> {
    let db = db.get()?;
    articles::unfavorite(&db, id, &slug)?;
    one(&db, &slug, Some(id))
}

#[derive(Serialize)]
pub(super) struct Tags {
    tags: Vec<String>,
}

/// Lists the tags in use, the most frequent first.
#[get("/tags")]
pub(super) fn tags(State(db): State<Db>) -> Result<Json<Tags>> {
    Ok(Json(Tags { tags: articles::tags(&db.get()?)? }))
}

pub(super) fn routes(group: Group) -> Group {
    group
        .tags(["articles"])
        .routes(routes![list, feed, read, create, update, remove, favorite, unfavorite])
}
