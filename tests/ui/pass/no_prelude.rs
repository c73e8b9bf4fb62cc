#![no_implicit_prelude]

//! Generated code names nothing that the prelude has.

use ::hybrid::{
    App, FromParam, IntoResponse as _, Json, Next, Problem, Request, Response, State, StatusCode, get, extractor,
    middleware, model, post, routes,
};
use ::std::{
    default::Default,
    option::Option,
    result::Result::{self, Ok},
    string::String,
    vec::Vec,
};

#[model]
struct Item {
    #[field(ge = 1, default = 3)]
    count: u32,
    #[field(min_length = 1, regex = "^a", one_of = ["a", "ab"])]
    name: Option<String>,
    #[field(max_items = 3, unique_items)]
    tags: Vec<String>,
    kind: Kind,
}

#[model]
enum Kind {
    One,
    Two { size: u8 },
}

#[derive(FromParam)]
enum Sort {
    Up,
    Down,
}

#[derive(Problem)]
enum Failed {
    #[problem(status = 404)]
    NoItem,
    #[problem(status = 409, detail = "taken")]
    Taken(u8),
}

#[derive(::std::fmt::Debug, Problem)]
#[problem(status = 410)]
struct Gone;

impl ::std::fmt::Display for Gone {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        f.write_str("gone")
    }
}

impl ::std::error::Error for Gone {}

struct User;

#[extractor]
fn user(#[header] authorization: Option<String>) -> Result<User, Problem> {
    ::std::mem::drop(authorization);
    Ok(User)
}

#[middleware]
async fn around(request: Request, next: Next) -> Response {
    next.run(request).await
}

#[get("/{id}", timeout = "1s", status = 201, tags = ["a"])]
async fn read(
    id: u64,
    #[query(default = Sort::Up)] sort: Sort,
    #[query(ge = 1)] pages: Vec<u32>,
    State(_state): State<u8>,
    _user: User,
) -> Result<Json<u64>, Failed> {
    ::std::mem::drop(pages);
    match (id, sort) {
        (1, _) => Result::Err(Failed::NoItem),
        (2, Sort::Down) => Result::Err(Failed::Taken(1)),
        _ => Ok(Json(id)),
    }
}

#[post("/")]
fn create(body: Json<Item>) -> Response {
    let Item { count, name, tags, kind } = body.into_inner();
    ::std::mem::drop((count, name, tags));
    match kind {
        Kind::One => StatusCode::OK.into_response(),
        Kind::Two { size } => Json(size).into_response(),
    }
}

fn main() {
    let app: App = Default::default();
    let _ = app.state(1_u8).middleware(around).routes(routes![read, create]);
    ::std::assert_eq!(<Problem as ::std::convert::From<Gone>>::from(Gone).status(), 410);
}
