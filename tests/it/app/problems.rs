//! Errors of handlers: typed ones, any under `?`, and what the application says
//! of their types.

use std::{fmt, num::ParseIntError};

use hybrid::prelude::*;

#[derive(Debug, Problem)]
enum UserError {
    #[problem(status = 404, code = "no_user")]
    NoSuchUser(u64),
    #[problem(
        status = 409,
        code = "taken",
        title = "Name taken",
        detail = "choose another"
    )]
    Taken,
    #[problem(status = 500, code = "broken")]
    Broken,
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchUser(id) => write!(f, "there is no user {id}"),
            Self::Taken | Self::Broken => f.write_str("the password is hunter2"),
        }
    }
}

impl std::error::Error for UserError {}

fn fail(how: u64) -> Result<String, UserError> {
    match how {
        1 => Err(UserError::Taken),
        2 => Err(UserError::Broken),
        3 => Ok("well".to_owned()),
        id => Err(UserError::NoSuchUser(id)),
    }
}

#[get("/typed/{how}")]
async fn typed(how: u64) -> Result<String, UserError> {
    fail(how)
}

#[get("/typed-plain/{how}")]
fn typed_plain(how: u64) -> Result<String, UserError> {
    fail(how)
}

#[get("/under/{how}")]
async fn under(how: u64) -> Result<String> {
    Ok(fail(how)?)
}

#[get("/under-plain/{how}")]
fn under_plain(how: u64) -> Result<String> {
    Ok(fail(how)?)
}

/// An error that no signature of a handler names.
#[derive(Debug, Problem)]
enum StoreError {
    #[problem(status = 410, code = "gone_for_good")]
    Gone,
    #[problem(status = 503, code = "store_busy")]
    Busy,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "it was removed",
            Self::Busy => "the store is busy",
        })
    }
}

impl std::error::Error for StoreError {}

fn load(how: u64) -> Result<String, StoreError> {
    match how {
        1 => Err(StoreError::Busy),
        _ => Err(StoreError::Gone),
    }
}

#[get("/unnamed/{how}")]
async fn unnamed(how: u64) -> Result<String> {
    Ok(load(how)?)
}

#[get("/unnamed-plain/{how}")]
fn unnamed_plain(how: u64) -> Result<String> {
    Ok(load(how)?)
}

struct Loaded;

#[extractor]
fn loaded() -> Result<Loaded> {
    load(0)?;
    Ok(Loaded)
}

#[get("/unnamed-in-a-guard")]
async fn unnamed_in_a_guard(_loaded: Loaded) {}

#[get("/text/{how}")]
async fn text(how: u64) -> Result<String, String> {
    Err(format!("secret {how}"))
}

#[get("/text-plain/{how}")]
fn text_plain(how: u64) -> Result<String, String> {
    Err(format!("secret {how}"))
}

struct Refusing;

impl FromRequestParts for Refusing {
    type Rejection = &'static str;

    async fn from_request_parts(_: &mut hybrid::Parts) -> Result<Self, &'static str> {
        Err("secret")
    }
}

#[get("/text-of-a-guard")]
async fn text_of_a_guard(_refusing: Refusing) {}

struct Made;

#[extractor]
fn made() -> Result<Made, &'static str> {
    Err("secret")
}

#[get("/text-of-an-extractor")]
async fn text_of_an_extractor(_made: Made) {}

#[derive(Debug)]
struct Wrapped(ParseIntError);

impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it cannot be parsed")
    }
}

impl std::error::Error for Wrapped {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[get("/number")]
fn number(#[query] text: String) -> Result<String> {
    Ok(text.parse::<i32>()?.to_string())
}

#[get("/wrapped")]
async fn wrapped(#[query] text: String) -> Result<String> {
    Ok(text.parse::<i32>().map_err(Wrapped)?.to_string())
}

#[get("/teapot")]
async fn teapot() -> Result<()> {
    let problem = Problem::new(StatusCode::IM_A_TEAPOT).with_code("teapot");
    Err(problem.with_detail("short").with_header("x-stout", "yes"))
}

fn app() -> App {
    App::new().routes(routes![
        typed,
        typed_plain,
        under,
        under_plain,
        number,
        wrapped,
        teapot,
        unnamed,
        unnamed_plain,
        unnamed_in_a_guard,
        text,
        text_plain,
        text_of_a_guard,
        text_of_an_extractor
    ])
}

fn check(app: App, path: &str, status: u16, body: &str) {
    let client = TestClient::new(app);
    let answer = client.get(path).send();
    assert_eq!(
        (answer.status().as_u16(), answer.text()),
        (status, body),
        "{path}"
    );
}

const INTERNAL: &str = r#"{"type":"urn:hybrid:internal_error","title":"Internal error","status":500,"code":"internal_error"}"#;

#[test]
fn a_typed_error_keeps_its_status_directly_and_under_a_question_mark() {
    for path in ["typed", "typed-plain", "under", "under-plain"] {
        let check = |how: u8, status, body| check(app(), &format!("/{path}/{how}"), status, body);
        check(
            7,
            404,
            r#"{"type":"urn:hybrid:no_user","title":"No such user","status":404,"code":"no_user","detail":"there is no user 7"}"#,
        );
        check(
            1,
            409,
            r#"{"type":"urn:hybrid:taken","title":"Name taken","status":409,"code":"taken","detail":"choose another"}"#,
        );
        // Nothing of the text of a 5xx is told.
        check(
            2,
            500,
            r#"{"type":"urn:hybrid:broken","title":"Broken","status":500,"code":"broken"}"#,
        );
        check(3, 200, "well");
    }
}

#[test]
fn a_typed_error_keeps_its_status_where_no_signature_names_it() {
    let gone = r#"{"type":"urn:hybrid:gone_for_good","title":"Gone","status":410,"code":"gone_for_good","detail":"it was removed"}"#;
    for path in ["/unnamed/2", "/unnamed-plain/2", "/unnamed-in-a-guard"] {
        check(app(), path, 410, gone);
    }
    let busy = r#"{"type":"urn:hybrid:store_busy","title":"Busy","status":503,"code":"store_busy","detail":"the store is busy"}"#;
    check(app(), "/unnamed/1", 503, busy);
}

#[test]
fn a_typed_error_under_a_question_mark_has_its_status_without_an_app() {
    fn helper() -> Result<String> {
        Ok(load(0)?)
    }
    let problem = helper().unwrap_err();
    assert_eq!(
        (problem.status().as_u16(), problem.code()),
        (410, "gone_for_good")
    );
    assert_eq!(problem.to_string(), "410 gone_for_good: it was removed");
    assert!(
        problem
            .source()
            .is_some_and(|source| source.is::<StoreError>())
    );
}

#[test]
fn a_text_as_the_error_is_a_500_without_the_text() {
    for path in [
        "/text/1",
        "/text-plain/1",
        "/text-of-a-guard",
        "/text-of-an-extractor",
    ] {
        check(app(), path, 500, INTERNAL);
    }
}

#[test]
fn any_error_is_a_500_unless_the_app_knows_its_type() {
    check(app(), "/number?text=x", 500, INTERNAL);
    check(app(), "/wrapped?text=x", 500, INTERNAL);
    let known = || app().on_error(|error: &ParseIntError| Problem::bad_request(error.to_string()));
    check(
        known(),
        "/number?text=x",
        400,
        r#"{"type":"urn:hybrid:malformed_request","title":"Malformed request","status":400,"code":"malformed_request","detail":"invalid digit found in string"}"#,
    );
    // The type of the error itself counts, not what it wraps.
    check(known(), "/wrapped?text=x", 500, INTERNAL);
}

#[test]
fn what_the_app_says_of_a_type_outranks_what_it_says_of_itself() {
    let app = || app().on_error(|_: &UserError| Problem::conflict("by the app"));
    let body = r#"{"type":"urn:hybrid:conflict","title":"Conflict","status":409,"code":"conflict","detail":"by the app"}"#;
    check(app(), "/under/7", 409, body);
    check(app(), "/under-plain/7", 409, body);
    // The handler's own `E` is such a type as well.
    check(app(), "/typed/7", 409, body);
    check(app(), "/typed-plain/7", 409, body);
    let app = App::new().routes(routes![unnamed]);
    let app = app.on_error(|_: &StoreError| Problem::not_found("by the app"));
    let body = r#"{"type":"urn:hybrid:not_found","title":"Not found","status":404,"code":"not_found","detail":"by the app"}"#;
    check(app, "/unnamed/1", 404, body);
}

#[test]
fn a_problem_of_ones_own_has_its_status_and_headers() {
    let client = TestClient::new(app());
    let answer = client.get("/teapot").send();
    assert_eq!(
        (answer.status().as_u16(), answer.header("x-stout")),
        (418, Some("yes"))
    );
    assert_eq!(
        answer.text(),
        r#"{"type":"urn:hybrid:teapot","title":"I'm a teapot","status":418,"code":"teapot","detail":"short"}"#
    );
}

#[get("/gone")]
async fn gone() -> (StatusCode, [(&'static str, &'static str); 1], Problem) {
    let cookie = [("set-cookie", "sid=; max-age=0")];
    (StatusCode::GONE, cookie, Problem::not_found("it was here"))
}

#[test]
fn what_is_set_beside_a_problem_stays() {
    for format in [ErrorFormat::Problem, ErrorFormat::FastApi] {
        let client = TestClient::new(App::new().error_format(format).routes(routes![gone]));
        let response = client.get("/gone").send();
        assert_eq!(response.status(), 410);
        assert_eq!(response.header("set-cookie"), Some("sid=; max-age=0"));
    }
}

#[get("/panics")]
async fn panics() -> &'static str {
    panic!("on purpose")
}

#[middleware]
async fn transparent(request: Request, next: Next) -> Response {
    next.run(request).await
}

#[test]
fn a_format_of_ones_own_writes_panics_behind_layers_too() {
    let format = ErrorFormat::custom(|problem, head| {
        (
            problem.status(),
            format!("{} of {}", problem.code(), head.uri),
        )
            .into_response()
    });
    let app = App::new()
        .error_format(format)
        .middleware(transparent)
        .routes(routes![panics]);
    let response = TestClient::new(app).get("/panics").send();
    assert_eq!(response.text(), "internal_error of /panics");
    assert_eq!(response.status(), 500);
}

#[get("/denied")]
async fn denied() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED)
        .with_code("expired")
        .with_title("The session has expired")
}

#[test]
fn every_401_names_a_challenge() {
    let client = TestClient::new(App::new().routes(routes![denied]));
    assert_eq!(
        client.get("/denied").send().header("www-authenticate"),
        Some("Bearer")
    );
}
