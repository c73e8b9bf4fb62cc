//! Every source of a parameter, with rules. One response lists all violations.
//!
//! Run with: cargo run --example params
//! Try: curl 'http://127.0.0.1:8000/shelves/3/books?tag=new&tag=red&ids=1,2&sort=by-title' -b theme=dark
//!      curl 'http://127.0.0.1:8000/shelves/0/books?tag=x&ids=1,two&sort=by-weight'
//!      curl 'http://127.0.0.1:8000/books' -d 'title=Emma&year=1815'

use std::fmt::Debug;

use hybrid::prelude::*;

/// The order of a list: `newest` or `by-title`.
#[derive(Debug, FromParam)]
#[param(rename_all = "kebab-case")]
enum Sort {
    Newest,
    ByTitle,
}

/// Lists the books of a shelf.
#[get("/shelves/{shelf}/books")]
async fn books(
    #[path(ge = 1)] shelf: u32,
    #[query("tag", min_length = 2, max_items = 3, default = [])] tags: Vec<String>,
    #[query(style = csv, unique_items, default = [])] ids: Vec<u64>,
    #[query] sort: Option<Sort>,
    #[query(gt = 0, le = 100, default = 20)] limit: u8,
    #[header("X-Request-ID", format = "uuid")] request_id: Option<String>,
    #[header(default = "nobody")] user_agent: String,
    #[cookie(one_of = ["light", "dark"], default = "light")] theme: String,
) -> String {
    let asked: [&dyn Debug; 7] = [&shelf, &tags, &ids, &sort, &limit, &request_id, &theme];
    format!("{asked:?} for {user_agent}")
}

/// Adds a book from a form, urlencoded or multipart.
#[post("/books", status = 201)]
fn add(
    #[form(min_length = 1, max_length = 80)] title: String,
    #[form(custom = printed)] year: u16,
) -> String {
    format!("{title} ({year})")
}

/// A rule of this program.
fn printed(year: &u16) -> Result<(), &'static str> {
    (*year >= 1450)
        .then_some(())
        .ok_or("must be after the printing press")
}

/// The application. Tests build the same one.
pub fn app() -> App {
    App::new().routes(routes![books, add])
}

fn main() -> hybrid::Result<()> {
    app().run()
}
