//! Every source and every type that a handler can take, end to end.

use std::{collections::HashMap, io::Read as _, net::IpAddr};

use hybrid::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

#[get("/one/{id}")]
async fn one(Path(id): Path<u64>) -> String {
    id.to_string()
}

#[get("/two/{shop}/{id}")]
async fn two(Path((shop, id)): Path<(String, u64)>) -> String {
    format!("{shop} {id}")
}

#[derive(Deserialize)]
struct Place {
    shop: String,
    id: u64,
}

#[get("/named/{shop}/{id}")]
async fn named(Path(place): Path<Place>) -> String {
    format!("{} {}", place.shop, place.id)
}

#[get("/rest/{*rest}")]
async fn rest(rest: String) -> String {
    rest
}

#[get("/map")]
async fn map(Query(pairs): Query<HashMap<String, String>>) -> String {
    let mut pairs: Vec<_> = pairs.into_iter().map(|(k, v)| format!("{k}={v}")).collect();
    pairs.sort();
    pairs.join(" ")
}

#[model]
struct Page {
    #[field(ge = 1, default = 1)]
    page: u32,
    #[field(le = 100, default = 20)]
    size: u32,
}

#[get("/pages")]
async fn pages(Query(page): Query<Page>, #[query(default = false)] all: bool) -> String {
    format!("{} {} {all}", page.page, page.size)
}

#[derive(Deserialize)]
struct PlainPage {
    page: u32,
}

#[get("/plain")]
fn plain(Query(page): Query<PlainPage>) -> String {
    page.page.to_string()
}

#[get("/texts")]
async fn texts(
    #[query] ids: Vec<u32>,
    #[query(style = csv, default = vec![])] tags: Vec<String>,
    #[query] on: Option<bool>,
    #[query] ip: Option<IpAddr>,
    #[header] user_agent: Option<String>,
    #[header("X-Request-ID", default = "unknown")] request: String,
    #[cookie("sid")] sid: Option<String>,
) -> Json<Value> {
    Json(json!([ids, tags, on, ip, user_agent, request, sid]))
}

#[model]
struct Agent {
    user_agent: String,
    x_depth: Option<u8>,
}

#[get("/agent")]
async fn agent(Header(agent): Header<Agent>) -> String {
    format!("{} {:?}", agent.user_agent, agent.x_depth)
}

#[post("/fields")]
fn fields(#[form(min_length = 1)] title: String, #[form(default = 1)] copies: u8) -> String {
    format!("{title} {copies}")
}

#[post("/form")]
async fn form(Form(page): Form<Page>) -> String {
    format!("{} {}", page.page, page.size)
}

#[post("/maybe")]
async fn maybe(page: Option<Json<Page>>) -> String {
    page.map_or("none".to_owned(), |Json(page)| page.page.to_string())
}

#[post("/text")]
async fn text(#[body] text: String) -> String {
    text
}

#[post("/bytes")]
fn bytes(bytes: Bytes) -> String {
    bytes.len().to_string()
}

#[post("/reader")]
fn reader(mut reader: BodyReader) -> Result<String> {
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    Ok(text)
}

#[post("/stream")]
async fn stream(mut stream: BodyStream) -> Result<String> {
    let mut bytes = 0;
    while let Some(piece) = stream.next().await? {
        bytes += piece.len();
    }
    Ok(bytes.to_string())
}

#[post("/parts")]
async fn parts(mut parts: Multipart) -> Result<String> {
    let mut names = Vec::new();
    while let Some(part) = parts.next_field().await? {
        names.push(part.name().to_owned());
    }
    Ok(names.join(" "))
}

#[get("/head")]
async fn of_head(method: Method, uri: Uri, headers: HeaderMap, cancel: Cancel) -> String {
    format!("{method} {uri} {} {}", headers.len(), cancel.is_cancelled())
}

#[get("/whole")]
async fn whole(request: Request) -> String {
    let depth = request.state::<u8>().copied();
    format!("{} {:?} {depth:?}", request.uri(), request.route())
}

#[derive(Clone)]
struct Stamp(&'static str);

async fn stamps(mut request: Request, next: Next) -> Response {
    let depth = request.state::<u8>().copied();
    request
        .extensions_mut()
        .insert(Stamp(if depth == Some(7) { "stamped" } else { "lost" }));
    next.run(request).await
}

#[get("/stamp")]
async fn stamp(Extension(stamp): Extension<Stamp>) -> &'static str {
    stamp.0
}

struct Loud(String);

impl FromRequest for Loud {
    type Rejection = Problem;

    async fn from_request(request: Request) -> Result<Self> {
        let bytes = Bytes::from_request(request).await?;
        let text = String::from_utf8(bytes.into())?;
        Ok(Self(text.to_uppercase()))
    }
}

#[post("/loud", body_limit = 8)]
fn loud(loud: Loud) -> String {
    loud.0
}

#[derive(Debug)]
struct Expired;

impl std::fmt::Display for Expired {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the key has expired")
    }
}

impl std::error::Error for Expired {}

struct Key;

impl FromRequestParts for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts) -> Result<Self> {
        match parts.header("x-key") {
            Some("open") => Ok(Self),
            Some("unread") => Err(std::io::Error::other("the key database is down"))?,
            Some("expired") => Err(Expired)?,
            Some(_) => Err(Problem::forbidden("a wrong key")),
            None => Err(Problem::unauthorized("no key")),
        }
    }
}

#[get("/door")]
fn door(key: Option<Key>) -> &'static str {
    if key.is_some() { "open" } else { "shut" }
}

#[get("/stamped")]
async fn stamped(stamp: Option<Extension<Stamp>>) -> String {
    stamp.is_some().to_string()
}

fn client() -> TestClient {
    let app = App::new()
        .state(7_u8)
        .routes(routes![
            one, two, named, rest, map, pages, plain, texts, agent, fields, form
        ])
        .routes(routes![
            maybe, text, bytes, reader, stream, parts, of_head, whole, loud, door
        ])
        .group("/g", |group| {
            group.middleware(stamps).routes(routes![stamp])
        });
    TestClient::new(app)
}

#[track_caller]
fn check(request: hybrid::TestRequest<'_>, expected: &str) {
    let response = request.send();
    assert_eq!(
        (response.status().as_u16(), response.text()),
        (200, expected)
    );
}

#[track_caller]
fn refused(request: hybrid::TestRequest<'_>, expected: Value) {
    let response = request.send();
    assert_eq!(response.status(), 422, "{}", response.text());
    let problem: Value = response.json();
    let found = problem["errors"].as_array().unwrap().iter();
    let found: Vec<_> = found.map(|e| json!([e["loc"], e["code"]])).collect();
    assert_eq!(json!(found), expected);
}

#[test]
fn paths_as_a_whole() {
    let client = client();
    check(client.get("/one/7"), "7");
    check(client.get("/two/acme/7"), "acme 7");
    check(client.get("/named/acme/7"), "acme 7");
    check(client.get("/rest/a/b%2Fc"), "a/b/c");
    refused(client.get("/one/x"), json!([[["path", "id"], "type"]]));
    refused(client.get("/two/acme/x"), json!([[["path", "id"], "type"]]));
    refused(
        client.get("/named/acme/x"),
        json!([[["path", "id"], "type"]]),
    );
}

#[test]
fn queries_as_a_whole() {
    let client = client();
    check(client.get("/map?b=2&a=x%20y"), "a=x y b=2");
    check(client.get("/pages"), "1 20 false");
    check(client.get("/pages?page=3&all=yes"), "3 20 true");
    check(client.get("/plain?page=3"), "3");
    refused(
        client.get("/pages?page=0&size=x&all=perhaps"),
        json!([
            [["query", "page"], "ge"],
            [["query", "size"], "type"],
            [["query", "all"], "type"]
        ]),
    );
    refused(
        client.get("/plain?page=x"),
        json!([[["query", "page"], "type"]]),
    );
}

#[test]
fn texts_of_every_source() {
    let client = client();
    check(
        client
            .get("/texts?ids=1&ids=2&tags=a,b&on=off&ip=::1")
            .header("user-agent", "test")
            .cookie("sid", "s"),
        r#"[[1,2],["a","b"],false,"::1","test","unknown","s"]"#,
    );
    check(
        client.get("/texts?ids=1&on="),
        r#"[[1],[],null,null,null,"unknown",null]"#,
    );
    refused(
        client.get("/texts?ids=1&ids=x&on=1&on=0"),
        json!([
            [["query", "ids", 1], "type"],
            [["query", "on"], "duplicate"]
        ]),
    );
    refused(client.get("/texts"), json!([[["query", "ids"], "missing"]]));
    check(
        client
            .get("/agent")
            .header("user-agent", "test")
            .header("x-depth", 3),
        "test Some(3)",
    );
    refused(
        client.get("/agent"),
        json!([[["header", "user_agent"], "missing"]]),
    );
}

#[test]
fn bodies_of_every_kind() {
    let client = client();
    check(
        client
            .post("/fields")
            .form(&[("title", "x"), ("copies", "2")]),
        "x 2",
    );
    check(
        client.post("/fields").multipart(&[("title", "x y")]),
        "x y 1",
    );
    refused(
        client.post("/fields").form(&[("title", "")]),
        json!([[["form", "title"], "min_length"]]),
    );
    refused(
        client.post("/fields"),
        json!([[["form", "title"], "missing"]]),
    );
    check(client.post("/form").form(&[("page", "2")]), "2 20");
    refused(
        client.post("/form").form(&[("page", "0")]),
        json!([[["form", "page"], "ge"]]),
    );
    check(client.post("/maybe"), "none");
    check(client.post("/maybe").json(&json!({ "page": 4 })), "4");
    refused(
        client.post("/maybe").json(&json!({ "page": 0 })),
        json!([[["body", "page"], "ge"]]),
    );
    check(client.post("/text").body("plain"), "plain");
    check(client.post("/bytes").body("four"), "4");
    check(client.post("/reader").body("read"), "read");
    check(client.post("/stream").body(vec![0; 70_000]), "70000");
    check(
        client.post("/parts").multipart(&[("a", "1"), ("b", "2")]),
        "a b",
    );
    check(client.post("/loud").body("loud"), "LOUD");
    assert_eq!(
        client.post("/loud").body("much too loud").send().status(),
        413
    );
    assert_eq!(client.post("/text").body(vec![0xFF]).send().status(), 400);
}

#[test]
fn what_the_application_knows() {
    let client = client();
    check(client.get("/head?x=1"), "GET /head?x=1 1 false");
    check(client.get("/whole"), "/whole Some(\"/whole\") Some(7)");
    check(client.get("/g/stamp"), "stamped");
    check(client.get("/door"), "shut");
    check(client.get("/door").header("x-key", "open"), "open");
}

/// A body above 16 KiB is parsed on the pool, and lists its faults all the same.
#[test]
fn an_option_of_a_guard_is_none_of_a_401_alone() {
    let status = |app: App, key: &str| {
        let client = TestClient::new(app.routes(routes![door]));
        let answer = client.get("/door").header("x-key", key).send();
        (answer.status().as_u16(), answer.text().to_owned())
    };
    assert_eq!(status(App::new(), "open"), (200, "open".to_owned()));
    assert_eq!(status(App::new(), "wrong").0, 403);
    assert_eq!(status(App::new(), "unread").0, 500);
    assert_eq!(status(App::new(), "expired").0, 500);
    // What the application says of the error counts, in either direction.
    let known = App::new().on_error(|_: &Expired| Problem::unauthorized("expired"));
    assert_eq!(status(known, "expired"), (200, "shut".to_owned()));
    let known = App::new().on_error(|_: &Expired| Problem::forbidden("expired"));
    assert_eq!(status(known, "expired").0, 403);
}

#[test]
fn an_option_of_an_extension_is_none_without_one() {
    let app = App::new().routes(routes![stamped]);
    assert_eq!(TestClient::new(app).get("/stamped").send().text(), "false");
    let app = App::new().middleware(stamps).routes(routes![stamped]);
    assert_eq!(TestClient::new(app).get("/stamped").send().text(), "true");
}

#[test]
fn large_bodies_are_judged_like_small_ones() {
    #[model]
    struct Many {
        #[field(ge = 1)]
        numbers: Vec<u32>,
    }

    #[post("/event")]
    async fn event(Json(many): Json<Many>) -> String {
        many.numbers.len().to_string()
    }

    #[post("/pool")]
    fn pool(Json(many): Json<Many>) -> String {
        many.numbers.len().to_string()
    }

    #[post("/inline", lane = inline)]
    fn inline(Json(many): Json<Many>) -> String {
        many.numbers.len().to_string()
    }

    let client = TestClient::new(App::new().routes(routes![event, pool, inline]));
    let mut numbers = vec![1; 20_000];
    for path in ["/event", "/pool", "/inline"] {
        check(
            client.post(path).json(&json!({ "numbers": numbers })),
            "20000",
        );
    }
    numbers[19_999] = 0;
    for path in ["/event", "/pool", "/inline"] {
        let request = client.post(path).json(&json!({ "numbers": numbers }));
        refused(request, json!([[["body", "numbers", 19_999], "ge"]]));
    }
}

#[derive(Deserialize)]
struct Offset {
    offset: u64,
    exact: Option<bool>,
}

#[derive(Deserialize)]
struct Flattened {
    q: String,
    #[serde(flatten)]
    offset: Offset,
}

#[derive(Deserialize, validator::Validate)]
struct Limit {
    #[serde(rename = "max")]
    #[validate(range(max = 100))]
    limit: u32,
}

#[get("/flat")]
async fn flat(Query(flat): Query<Flattened>) -> String {
    let Offset { offset, exact } = flat.offset;
    format!("{} {offset} {exact:?}", flat.q)
}

#[get("/flat/{q}/{offset}")]
async fn flat_path(Path(flat): Path<Flattened>) -> String {
    format!("{} {}", flat.q, flat.offset.offset)
}

#[post("/flat")]
async fn flat_form(Form(flat): Form<Flattened>) -> String {
    format!("{} {}", flat.q, flat.offset.offset)
}

#[get("/limit")]
async fn limit(Query(limit): Query<Limit>) -> String {
    limit.limit.to_string()
}

#[get("/limit/{max}")]
async fn limit_path(Path(limit): Path<Limit>) -> String {
    limit.limit.to_string()
}

#[post("/limit")]
async fn limit_json(Json(limit): Json<Limit>) -> String {
    limit.limit.to_string()
}

/// serde's derive takes texts as they are beside `flatten`, and does not say that it wants numbers.
#[test]
fn plain_types_with_flattened_fields_are_read_from_texts() {
    let routes = routes![flat, flat_path, flat_form];
    let client = TestClient::new(App::new().routes(routes));
    check(client.get("/flat?q=1&offset=5&exact=yes"), "1 5 Some(true)");
    check(client.get("/flat/a/5"), "a 5");
    check(
        client.post("/flat").form(&[("q", "a"), ("offset", "5")]),
        "a 5",
    );
    refused(
        client.get("/flat?q=1&offset=x"),
        json!([[["query", "offset"], "type"]]),
    );
    refused(
        client.get("/flat/a/x"),
        json!([[["path", "offset"], "type"]]),
    );
}

#[test]
fn errors_of_validator_types_bear_wire_names() {
    let routes = routes![limit, limit_path, limit_json];
    let client = TestClient::new(App::new().routes(routes));
    check(client.get("/limit?max=100"), "100");
    refused(
        client.get("/limit?max=101"),
        json!([[["query", "max"], "range"]]),
    );
    refused(
        client.get("/limit/101"),
        json!([[["path", "max"], "range"]]),
    );
    refused(
        client.post("/limit").json(&json!({ "max": 101 })),
        json!([[["body", "max"], "range"]]),
    );
    refused(
        client.get("/limit?max=1&max=2"),
        json!([[["query", "max"], "duplicate"]]),
    );
}
