//! Comments on articles.

use hybrid::prelude::model;
use r2d2_sqlite::rusqlite::{self, OptionalExtension as _, Row, named_params, params};
use serde::Serialize;

use super::{
    Connection, articles, not_blank,
    profiles::{self, Profile},
};
use crate::error::{ApiError, Result};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comment {
    pub id: i64,
    pub created_at: String,
    pub updated_at: String,
    pub body: String,
    pub author: Profile,
}

#[model(input)]
pub struct Draft {
    #[field(custom = not_blank, max_length = 10_000)]
    body: String,
}

impl Comment {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            body: row.get("body")?,
            author: Profile::read(row)?,
        })
    }
}

fn select(condition: &str) -> String {
    format!(
        "SELECT comments.id, created_at, updated_at, body, {}
         FROM comments JOIN users ON users.id = comments.author
         WHERE {condition} ORDER BY comments.id",
        profiles::COLUMNS
    )
}

/// The comments on an article, oldest first.
pub fn list(db: &Connection, slug: &str, viewer: Option<i64>) -> Result<Vec<Comment>> {
    let values = named_params! { ":viewer": viewer, ":article": articles::id_of(db, slug)? };
    let mut list = db.prepare_cached(&select("comments.article = :article"))?;
    Ok(list.query_map(values, Comment::read)?.collect::<rusqlite::Result<_>>()?)
}

pub fn add(db: &Connection, author: i64, slug: &str, draft: &Draft) -> Result<Comment> {
    let article = articles::id_of(db, slug)?;
    let sql = "INSERT INTO comments (article, author, body) VALUES (?1, ?2, ?3)";
    db.execute(sql, params![article, author, draft.body])?;
    let values = named_params! { ":viewer": author, ":id": db.last_insert_rowid() };
    Ok(db.query_row(&select("comments.id = :id"), values, Comment::read)?)
}

pub fn remove(db: &Connection, author: i64, slug: &str, id: i64) -> Result<()> {
    let article = articles::id_of(db, slug)?;
    let sql = "SELECT author FROM comments WHERE id = ?1 AND article = ?2";
    let found: Option<i64> = db.query_row(sql, [id, article], |row| row.get(0)).optional()?;
    if found.ok_or(ApiError::NoComment)? != author {
        return Err(ApiError::NotYourComment);
    }
    db.execute("DELETE FROM comments WHERE id = ?1", [id])?;
    Ok(())
}
