//! Every source, with and without a name of its own.

use hybrid::prelude::*;
use std::borrow::Cow;

#[post("/s/{id}/{*rest}")]
async fn sources(
    #[path(ge = 1)] id: u64,
    rest: String,
    #[query("page-size", le = 100)] size: Option<u8>,
    #[query(alias = "sort-order", one_of = ["asc", "desc"], default = "asc")] sort: String,
    #[query(style = csv, min_items = 1, max_items = 3, unique_items)] ids: Vec<u32>,
    #[header] user_agent: String,
    #[header("X-Request-ID", default = "unknown")] request: Cow<'static, str>,
    #[cookie("sid")] sid: Option<String>,
    #[form(max_length = 80)] title: String,
    /// What stands below the title.
    #[form(default = "none")]
    subtitle: Option<String>,
) -> String {
    format!("{id}{rest}{size:?}{sort}{ids:?}{user_agent}{request}{sid:?}{title}{subtitle:?}")
}

#[post("/raw")]
fn raw(#[body] text: String) -> String {
    text
}

#[post("/bytes")]
async fn bytes(body: Bytes) -> Bytes {
    body
}

#[get("/{a}/{b}")]
async fn whole(Path((a, b)): Path<(u64, String)>, method: Method, headers: HeaderMap) -> String {
    format!("{a}{b}{method}{headers:?}")
}

fn main() {
    let _ = App::new().routes(routes![sources, raw, bytes, whole]);
}
