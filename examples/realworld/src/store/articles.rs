//! Articles, their tags, and the users who like them.

use hybrid::prelude::model;
use r2d2_sqlite::rusqlite::{self, OptionalExtension as _, Row, ToSql, named_params, params};
use serde::Serialize;

use super::{
    Connection, not_blank, not_null,
    profiles::{self, Profile},
};
use crate::error::{ApiError, Result};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Article {
    pub slug: String,
    pub title: String,
    pub description: String,
    /// Absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    pub tag_list: Vec<String>,
    pub created_at: String,
    pub updated_at: String,
    pub favorited: bool,
    pub favorites_count: u64,
    pub author: Profile,
}

impl Article {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let tags: Option<String> = row.get("tags")?;
        Ok(Self {
            slug: row.get("slug")?,
            title: row.get("title")?,
            description: row.get("description")?,
            body: row.get("body")?,
            tag_list: tags.map_or_else(Vec::new, |t| t.split('\n').map(str::to_owned).collect()),
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            favorited: row.get("favorited")?,
            favorites_count: row.get("favorites_count")?,
            author: Profile::read(row)?,
        })
    }
}

/// An article as its author writes it.
#[model(input)]
pub struct Draft {
    #[field(custom = not_blank, max_length = 200)]
    title: String,
    #[field(custom = not_blank)]
    description: String,
    #[field(custom = not_blank)]
    body: String,
    #[field(default = [], max_items = 20)]
    #[serde(rename = "tagList")]
    tags: Vec<String>,
}

/// The fields of an article that change.
#[model(input)]
pub struct Changes {
    #[field(custom = not_blank, max_length = 200)]
    title: Option<String>,
    #[field(custom = not_blank)]
    description: Option<String>,
    #[field(custom = not_blank)]
    body: Option<String>,
    #[field(max_items = 20)]
    #[serde(rename = "tagList", default, with = "not_null")]
    tags: Option<Vec<String>>,
}

/// The filter of a list: articles that match every condition that is given.
#[model(input)]
#[derive(Default)]
pub struct Filter {
    tag: Option<String>,
    author: Option<String>,
    favorited: Option<String>,
}

/// The page of a list.
#[model(input)]
pub struct Page {
    #[field(ge = 1, le = 100, default = 20)]
    limit: u32,
    #[field(default = 0)]
    offset: u32,
}

const FROM: &str = "FROM articles JOIN users ON users.id = articles.author";

fn columns() -> String {
    format!(
        "slug, title, description, articles.created_at, articles.updated_at, {},
         (SELECT group_concat(tag, char(10)) FROM tags WHERE article = articles.id) AS tags,
         (SELECT count(*) FROM favorites WHERE article = articles.id) AS favorites_count,
         EXISTS (SELECT 1 FROM favorites
                 WHERE article = articles.id AND user = :viewer) AS favorited",
        profiles::COLUMNS
    )
}

/// One page of the matching articles, newest first, and the number of all of them.
pub fn list(
    db: &Connection,
    Filter { tag, author, favorited }: &Filter,
    viewer: Option<i64>,
    page: &Page,
) -> Result<(Vec<Article>, u64)> {
    let condition = "(:tag IS NULL OR EXISTS
             (SELECT 1 FROM tags WHERE article = articles.id AND tag = :tag))
         AND (:author IS NULL OR username = :author)
         AND (:favorited IS NULL OR EXISTS
             (SELECT 1 FROM favorites JOIN users AS fans ON fans.id = favorites.user
              WHERE favorites.article = articles.id AND fans.username = :favorited))";
    let values: &[(&str, &dyn ToSql)] =
        &[(":tag", tag), (":author", author), (":favorited", favorited), (":viewer", &viewer)];
    select(db, condition, values, page)
}

/// The same as [`list`], for articles whose authors the user follows.
pub fn feed(db: &Connection, user: i64, page: &Page) -> Result<(Vec<Article>, u64)> {
    let condition =
        "EXISTS (SELECT 1 FROM follows WHERE followed = users.id AND follower = :viewer)";
    select(db, condition, &[(":viewer", &user)], page)
}

fn select(
    db: &Connection,
    condition: &str,
    values: &[(&str, &dyn ToSql)],
    Page { limit, offset }: &Page,
) -> Result<(Vec<Article>, u64)> {
    // The first column names the viewer, so that both statements have the same parameters.
    let sql = format!("SELECT :viewer, count(*) {FROM} WHERE {condition}");
    let count = db.prepare_cached(&sql)?.query_row(values, |row| row.get(1))?;
    let sql = format!(
        "SELECT NULL AS body, {} {FROM} WHERE {condition}
         ORDER BY articles.id DESC LIMIT {limit} OFFSET {offset}",
        columns()
    );
    let mut list = db.prepare_cached(&sql)?;
    let articles = list.query_map(values, Article::read)?.collect::<rusqlite::Result<_>>()?;
    Ok((articles, count))
}

pub fn get(db: &Connection, slug: &str, viewer: Option<i64>) -> Result<Article> {
    let sql = format!("SELECT body, {} {FROM} WHERE slug = :slug", columns());
    let values = named_params! { ":viewer": viewer, ":slug": slug };
    db.query_row(&sql, values, Article::read).optional()?.ok_or(ApiError::NoArticle)
}

/// Adds an article and returns its slug.
pub fn add(db: &mut Connection, author: i64, draft: &Draft) -> Result<String> {
    let change = db.transaction()?;
    let slug = slug(&draft.title, salt(&change)?);
    change.execute(
        "INSERT INTO articles (slug, title, description, body, author) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![slug, draft.title, draft.description, draft.body, author],
    )?;
    set_tags(&change, change.last_insert_rowid(), &draft.tags)?;
    change.commit()?;
    Ok(slug)
}

/// Changes an article of that author and returns its slug, which follows the title.
pub fn change(db: &mut Connection, author: i64, old: &str, new: &Changes) -> Result<String> {
    let change = db.transaction()?;
    let article = own(&change, old, author)?;
    let slug = match &new.title {
        Some(title) => slug(title, salt(&change)?),
        None => old.to_owned(),
    };
    change.execute(
        "UPDATE articles SET slug = ?2, title = coalesce(?3, title), body = coalesce(?4, body),
         description = coalesce(?5, description), updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
         WHERE id = ?1",
        params![article, slug, new.title, new.body, new.description],
    )?;
    if let Some(tags) = &new.tags {
        set_tags(&change, article, tags)?;
    }
    change.commit()?;
    Ok(slug)
}

pub fn remove(db: &Connection, author: i64, slug: &str) -> Result<()> {
    db.execute("DELETE FROM articles WHERE id = ?1", [own(db, slug, author)?])?;
    Ok(())
}

pub fn favorite(db: &Connection, user: i64, slug: &str) -> Result<()> {
    let article = id_of(db, slug)?;
    let sql = "INSERT OR IGNORE INTO favorites (user, article) VALUES (?1, ?2)";
    db.execute(sql, [user, article])?;
    Ok(())
}

pub fn unfavorite(db: &Connection, user: i64, slug: &str) -> Result<()> {
    let article = id_of(db, slug)?;
    db.execute("DELETE FROM favorites WHERE user = ?1 AND article = ?2", [user, article])?;
    Ok(())
}

/// The hundred tags with the most articles.
pub fn tags(db: &Connection) -> Result<Vec<String>> {
    let sql = "SELECT tag FROM tags GROUP BY tag ORDER BY count(*) DESC, tag LIMIT 100";
    let mut list = db.prepare_cached(sql)?;
    Ok(list.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn id_of(db: &rusqlite::Connection, slug: &str) -> Result<i64> {
    let sql = "SELECT id FROM articles WHERE slug = ?1";
    db.query_row(sql, [slug], |row| row.get(0)).optional()?.ok_or(ApiError::NoArticle)
}

/// The id of an article, if that user wrote it.
fn own(db: &rusqlite::Connection, slug: &str, user: i64) -> Result<i64> {
    let sql = "SELECT id, author FROM articles WHERE slug = ?1";
    let found = db.query_row(sql, [slug], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let found: Option<(i64, i64)> = found;
    match found {
        None => Err(ApiError::NoArticle),
        Some((_, author)) if user != author => Err(ApiError::NotYourArticle),
        Some((id, _)) => Ok(id),
    }
}

fn set_tags(db: &rusqlite::Connection, article: i64, tags: &[String]) -> Result<()> {
    db.execute("DELETE FROM tags WHERE article = ?1", [article])?;
    for tag in tags {
        db.execute("INSERT OR IGNORE INTO tags VALUES (?1, ?2)", params![article, tag])?;
    }
    Ok(())
}

/// The words of the title in lower case with dashes, and a number that makes it unique.
fn slug(title: &str, salt: u32) -> String {
    let words = title.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<_> = words.map(str::to_lowercase).collect();
    format!("{}-{salt:06x}", words.join("-"))
}

fn salt(db: &rusqlite::Connection) -> Result<u32> {
    Ok(db.query_row("SELECT abs(random()) % 16777216", [], |row| row.get(0))?)
}
