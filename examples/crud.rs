//! Notes in a database with a blocking driver: plain handlers and a pool of connections.
//!
//! Run with: cargo run --example crud
//! Try: curl http://127.0.0.1:8000/notes --json '{"text":"buy tea"}'
//!      curl 'http://127.0.0.1:8000/notes?size=5&done=no'
//!      curl -X PUT http://127.0.0.1:8000/notes/1 --json '{"text":"buy tea","done":true}'
//!      curl -X DELETE http://127.0.0.1:8000/notes/1

use std::path::PathBuf;

use hybrid::{BoxError, prelude::*};
use r2d2::Pool;
use r2d2_sqlite::{
    SqliteConnectionManager as Sqlite,
    rusqlite::{OptionalExtension as _, Result as SqlResult, Row, params},
};

type Db = Pool<Sqlite>;

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
fn list(
    Query(Page { page, size }): Query<Page>,
    #[query] done: Option<bool>,
    State(db): State<Db>,
) -> Result<Json<Vec<Note>>> {
    let db = db.get()?;
    let mut list = db.prepare_cached(
        "SELECT id, text, done FROM notes WHERE ?1 IS NULL OR done = ?1 ORDER BY id LIMIT ?2 OFFSET ?3",
    )?;
    let skip = u64::from(page - 1) * u64::from(size);
    let notes = list.query_map(params![done, size, skip], Note::read)?;
    Ok(Json(notes.collect::<SqlResult<_>>()?))
}

#[post("/notes", status = 201)]
fn create(State(db): State<Db>, Json(Draft { text, done }): Json<Draft>) -> Result<Json<Note>> {
    let db = db.get()?;
    db.execute(
        "INSERT INTO notes (text, done) VALUES (?1, ?2)",
        params![text, done],
    )?;
    Ok(Json(Note {
        id: db.last_insert_rowid(),
        text,
        done,
    }))
}

/// `None` is a 404.
#[get("/notes/{id}")]
fn read(id: i64, State(db): State<Db>) -> Result<Option<Json<Note>>> {
    let sql = "SELECT id, text, done FROM notes WHERE id = ?1";
    Ok(db
        .get()?
        .query_row(sql, [id], Note::read)
        .optional()?
        .map(Json))
}

#[put("/notes/{id}")]
fn update(
    id: i64,
    State(db): State<Db>,
    Json(Draft { text, done }): Json<Draft>,
) -> Result<Json<Note>> {
    let sql = "UPDATE notes SET text = ?2, done = ?3 WHERE id = ?1";
    match db.get()?.execute(sql, params![id, text, done])? {
        0 => Err(Problem::not_found("no such note")),
        _ => Ok(Json(Note { id, text, done })),
    }
}

#[delete("/notes/{id}")]
fn remove(id: i64, State(db): State<Db>) -> Result<()> {
    match db.get()?.execute("DELETE FROM notes WHERE id = ?1", [id])? {
        0 => Err(Problem::not_found("no such note")),
        _ => Ok(()),
    }
}

fn open(file: PathBuf) -> Result<Db, BoxError> {
    let db = Pool::builder().max_size(8).build(Sqlite::file(file))?;
    db.get()?.execute_batch(
        "PRAGMA journal_mode = WAL;
         CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT, done BOOLEAN)",
    )?;
    Ok(db)
}

/// The application. Tests build the same one.
pub fn app(file: impl Into<PathBuf>) -> App {
    let file = file.into();
    App::new()
        .state_with(move || open(file))
        // No connection was free in time.
        .on_error(|_: &r2d2::Error| Problem::overloaded("the database is busy"))
        .routes(routes![list, create, read, update, remove])
}

fn main() -> hybrid::Result<()> {
    app("notes.db").run()
}
