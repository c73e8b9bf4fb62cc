//! What meets at the edges of modules: problems that travel inside answers,
//! guards and middleware that compute, limits that are beyond any clock.

use std::time::Duration;

use hybrid::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

async fn computed() -> Result<u32> {
    Ok(hybrid::run_on_pool(|| 6 * 7).await?)
}

struct Computed(u32);

impl FromRequestParts for Computed {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts) -> Result<Self> {
        computed().await.map(Self)
    }
}

#[get("/guard")]
async fn guard(Computed(value): Computed) -> String {
    value.to_string()
}

struct Body(u32);

impl FromRequest for Body {
    type Rejection = Problem;

    async fn from_request(_: Request) -> Result<Self> {
        computed().await.map(Self)
    }
}

#[post("/body")]
fn body(Body(value): Body) -> String {
    value.to_string()
}

async fn computing(request: Request, next: Next) -> Result<Response> {
    let value = computed().await?;
    let mut response = next.run(request).await;
    response.headers_mut().insert("x-computed", value.into());
    Ok(response)
}

#[test]
fn guards_bodies_and_middleware_may_use_the_pool() {
    let app = App::new()
        .middleware(computing)
        .routes(routes![guard, body]);
    let client = TestClient::new(app);
    let response = client.get("/guard").send();
    assert_eq!(
        (response.text(), response.header("x-computed")),
        ("42", Some("42"))
    );
    assert_eq!(client.post("/body").body("x").send().text(), "42");
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

#[get("/forever")]
async fn forever() -> &'static str {
    "answered"
}

#[test]
fn a_limit_beyond_the_clock_is_none() {
    let app = App::new().group("/g", |group| {
        let group = group.timeout(Duration::MAX).max_concurrency(usize::MAX);
        group.routes(routes![forever])
    });
    assert_eq!(
        TestClient::new(app).get("/g/forever").send().text(),
        "answered"
    );
}

async fn seen(request: Request) -> String {
    format!("{:?}", request.state::<u8>())
}

#[test]
fn a_fallback_sees_the_states_of_the_app() {
    let client = TestClient::new(App::new().state(7_u8).fallback(seen));
    assert_eq!(client.get("/nowhere").send().text(), "Some(7)");
}

fn named(name: &'static str) -> impl Fn(Request, Next) -> Answer + Send + Sync + 'static {
    move |request, next| {
        Box::pin(async move {
            let mut response = next.run(request).await;
            response
                .headers_mut()
                .insert("x-group", HeaderValue::from_static(name));
            response
        })
    }
}

type Answer = std::pin::Pin<Box<dyn Future<Output = Response> + Send>>;

#[test]
fn the_longest_prefix_covers_what_is_not_found() {
    let app = App::new()
        .group("/api", |group| group.middleware(named("api")))
        .group("/api/{tenant}", |group| group.middleware(named("tenant")))
        .group("/api/fixed", |group| group.middleware(named("fixed")));
    let client = TestClient::new(app);
    let check = |path: &str, expected: Option<&str>| {
        let response = client.get(path).send();
        assert_eq!(
            (response.status().as_u16(), response.header("x-group")),
            (404, expected),
            "{path}"
        );
    };
    check("/api", Some("api"));
    check("/api/", Some("api"));
    check("/api/acme/x", Some("tenant"));
    check("/api/fixed/x", Some("fixed"));
    check("/apis", None);
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Color {
    Red,
}

#[get("/colors/{color}")]
async fn color(Path(color): Path<Color>) -> &'static str {
    match color {
        Color::Red => "red",
    }
}

#[get("/ratio/{ratio}/{on}")]
async fn ratio(Path((ratio, on)): Path<(f64, bool)>) -> String {
    format!("{ratio} {on}")
}

#[test]
fn what_was_sent_is_never_echoed_and_texts_are_read_alike() {
    let client = TestClient::new(App::new().routes(routes![color, ratio]));
    assert_eq!(client.get("/colors/red").send().text(), "red");
    let response = client.get("/colors/%3Cscript%3E").send();
    assert_eq!(response.status(), 422);
    assert!(!response.text().contains("script"), "{}", response.text());
    assert_eq!(client.get("/ratio/0.5/on").send().text(), "0.5 true");
    assert_eq!(client.get("/ratio/NaN/on").send().status(), 422);
}

struct Wrapped(Value);

impl FromRequest for Wrapped {
    type Rejection = Problem;

    async fn from_request(request: Request) -> Result<Self> {
        let Json(value) = Json::<Value>::from_request(request).await?;
        Ok(Self(value))
    }
}

#[post("/wrapped")]
async fn wrapped(Wrapped(value): Wrapped) -> String {
    value.as_array().map_or(0, Vec::len).to_string()
}

#[test]
fn json_as_a_building_block_judges_like_an_argument() {
    let client = TestClient::new(App::new().routes(routes![wrapped]));
    let large = vec![1_000_000; 10_000];
    assert_eq!(client.post("/wrapped").json(&large).send().text(), "10000");
    assert_eq!(
        client.post("/wrapped").form(&[("a", "1")]).send().status(),
        415
    );
    let problem: Value = client.post("/wrapped").send().json();
    assert_eq!(problem["errors"][0]["code"], json!("missing"));
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

#[test]
fn a_header_of_a_part_that_never_ends_is_refused() {
    #[post("/parts")]
    async fn parts(mut parts: Multipart) -> Result<String> {
        let mut names = Vec::new();
        while let Some(part) = parts.next_field().await? {
            names.push(part.name().to_owned());
        }
        Ok(names.join(" "))
    }

    let client = TestClient::new(App::new().routes(routes![parts]));
    let head = "--B\r\ncontent-disposition: form-data; name=\"a\"; filename=\"";
    let body = format!("{head}{}\"\r\n\r\nx\r\n--B--\r\n", "x".repeat(10_000));
    let request = client
        .post("/parts")
        .header("content-type", "multipart/form-data; boundary=B");
    assert_eq!(request.body(body).send().status(), 400);
}
