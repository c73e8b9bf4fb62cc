//! Notes in a database with an async driver: async handlers, and no thread blocks. The API
//! is that of the example `crud`.
//!
//! Run with: cargo run --example crud_async
//! Try: curl http://127.0.0.1:8000/notes --json '{"text":"buy tea"}'
//!      curl 'http://127.0.0.1:8000/notes?size=5&done=no'

use std::path::PathBuf;

use hybrid::prelude::*;
use tokio_rusqlite::{
    Connection as Db, params, rusqlite,
    rusqlite::{OptionalExtension as _, Result as SqlResult, Row},
};

/// The fields of a note that a client sends.
#[model(input)]
struct Draft {
    #[field(min_length = 1, max_length = 200)]
    text: String,
    #[field(default = false)]
    done: bool,
}

#[model(output)]
struct Note {
    id: i64,
    text: String,
    done: bool,
}

impl Note {
    fn read(row: &Row<'_>) -> SqlResult<Self> {
        Ok(Self {
            id: row.get(0)?,
            text: row.get(1)?,
            done: row.get(2)?,
        })
    }
}

/// The page of a list. Every list of the API has these parameters.
#[model(input)]
struct Page {
    #[field(ge = 1, default = 1)]
    page: u32,
    #[field(ge = 1, le = 100, default = 20)]
    size: u32,
}

#[get("/notes")]
async fn list(
    Query(Page { page, size }): Query<Page>,
    #[query] done: Option<bool>,
    State(db): State<Db>,
) -> Result<Json<Vec<Note>>> {
    let sql = "SELECT id, text, done FROM notes WHERE ?1 IS NULL OR done = ?1 ORDER BY id LIMIT ?2 OFFSET ?3";
    let skip = u64::from(page - 1) * u64::from(size);
    let select = move |db: &mut rusqlite::Connection| {
        let mut list = db.prepare_cached(sql)?;
        list.query_map(params![done, size, skip], Note::read)?
            .collect::<SqlResult<_>>()
    };
    Ok(Json(db.call(select).await?))
}

#[post("/notes", status = 201)]
async fn create(State(db): State<Db>, Json(draft): Json<Draft>) -> Result<Json<Note>> {
    let insert = move |db: &mut rusqlite::Connection| -> SqlResult<_> {
        let Draft { text, done } = draft;
        db.execute(
            "INSERT INTO notes (text, done) VALUES (?1, ?2)",
            params![text, done],
        )?;
        Ok(Note {
            id: db.last_insert_rowid(),
            text,
            done,
        })
    };
    Ok(Json(db.call(insert).await?))
}

/// `None` is a 404.
#[get("/notes/{id}")]
async fn read(id: i64, State(db): State<Db>) -> Result<Option<Json<Note>>> {
    let sql = "SELECT id, text, done FROM notes WHERE id = ?1";
    let note = db
        .call(move |db| db.query_row(sql, [id], Note::read).optional())
        .await?;
    Ok(note.map(Json))
}

#[put("/notes/{id}")]
async fn update(
    id: i64,
    State(db): State<Db>,
    Json(draft): Json<Draft>,
) -> Result<Option<Json<Note>>> {
    let update = move |db: &mut rusqlite::Connection| -> SqlResult<_> {
        let Draft { text, done } = draft;
        let sql = "UPDATE notes SET text = ?2, done = ?3 WHERE id = ?1";
        let updated = db.execute(sql, params![id, text, done])?;
        Ok((updated > 0).then_some(Note { id, text, done }))
    };
    Ok(db.call(update).await?.map(Json))
}

#[delete("/notes/{id}")]
async fn remove(id: i64, State(db): State<Db>) -> Result<Option<()>> {
    let removed = db
        .call(move |db| db.execute("DELETE FROM notes WHERE id = ?1", [id]))
        .await?;
    Ok((removed > 0).then_some(()))
}

async fn open(file: PathBuf) -> Result<Db, tokio_rusqlite::Error> {
    let db = Db::open(file).await?;
    let create =
        "CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT, done BOOLEAN)";
    db.call(move |db| db.execute_batch(create)).await?;
    Ok(db)
}

/// The application. Tests build the same one.
pub fn app(file: impl Into<PathBuf>) -> App {
    let file = file.into();
    App::new()
        .state_with_async(move || open(file))
        .routes(routes![list, create, read, update, remove])
}

fn main() -> hybrid::Result<()> {
    app("notes.db").run()
}
