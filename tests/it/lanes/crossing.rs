//! What a handler knows of itself, and what goes from one world to the other:
//! closures on the pool, futures in plain handlers, extractors of both colours,
//! and the options of a route.

use std::time::Duration;

use hybrid::prelude::*;

use crate::harness::{BOOM, Gate, Server, eventually, quiet};

fn thread_kind() -> String {
    let name = hybrid::current().thread();
    name.trim_end_matches(|c: char| c.is_ascii_digit())
        .to_owned()
}

// === current() ===

fn told() -> String {
    let current = hybrid::current();
    let left = current
        .time_left()
        .map(|left| left <= Duration::from_secs(7));
    let (lane, route, handler) = (current.lane(), current.route(), current.handler());
    format!(
        "{:?} {:?} {:?} {left:?}",
        lane.unwrap(),
        route.unwrap(),
        handler.unwrap()
    )
}

#[get("/told/{_id}", timeout = "7s")]
async fn told_async() -> String {
    let before = told();
    tokio::task::yield_now().await;
    assert_eq!(before, told());
    before
}

#[get("/told-plain", timeout = none)]
fn told_plain() -> String {
    told()
}

#[get("/told-inline", lane = inline)]
fn told_inline() -> String {
    told()
}

#[test]
fn a_handler_knows_its_lane_route_and_deadline() {
    assert!(hybrid::current().lane().is_none());
    let check = |path: &str, expected: &str| {
        let group = |group: Group| group.routes(routes![told_async, told_plain, told_inline]);
        let app = App::new().config(Config::new().request_timeout(Duration::from_secs(5)));
        let client = TestClient::new(app.group("/g/{_g}", group));
        assert_eq!(client.get(path).send().text(), expected);
    };
    check(
        "/g/1/told/2",
        r#"Event "/g/{_g}/told/{_id}" "told_async" Some(true)"#,
    );
    check(
        "/g/1/told-plain",
        r#"Pool "/g/{_g}/told-plain" "told_plain" None"#,
    );
    check(
        "/g/1/told-inline",
        r#"Inline "/g/{_g}/told-inline" "told_inline" Some(true)"#,
    );
}

// === pool() and block_on() ===

#[get("/sum")]
async fn sum() -> Result<Json<(String, u32, String)>> {
    let (there, sum) = hybrid::run_on_pool(|| (thread_kind(), (1..=10).sum())).await?;
    Ok(Json((there, sum, thread_kind())))
}

#[get("/panics")]
async fn panics() -> String {
    let error = hybrid::run_on_pool(|| panic!("{BOOM}")).await.unwrap_err();
    format!("{error}: {}", error.is_panic())
}

#[get("/late", timeout = "700ms")]
async fn late(State(gate): State<Gate>) -> Result<()> {
    Ok(hybrid::run_on_pool(move || gate.stand()).await?)
}

#[get("/blocks")]
fn blocks() -> String {
    let answer = hybrid::block_on(async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let spawned = tokio::spawn(async { thread_kind() });
        spawned.await.unwrap()
    });
    format!("{} waited for {answer}", thread_kind())
}

#[test]
fn a_closure_crosses_to_the_pool_and_back() {
    quiet();
    let gate = Gate::default();
    let app = App::new()
        .state(gate.clone())
        .routes(routes![sum, panics, late, blocks]);
    let client = TestClient::new(app);
    let sums: (String, u32, String) = client.get("/sum").send().json();
    assert_eq!(
        sums,
        ("hybrid-pool-".to_owned(), 55, "hybrid-loop-".to_owned())
    );
    assert_eq!(
        client.get("/panics").send().text(),
        "the closure panicked: true"
    );
    assert_eq!(client.get("/late").send().status(), 504);
    gate.open();
    // Not at the first time where the machine is too busy to be in time.
    eventually("it is in time", || {
        client.get("/late").send().status() == 204
    });
    let blocked = client.get("/blocks").send();
    assert_eq!(blocked.text(), "hybrid-pool- waited for hybrid-loop-");
}

/// Plain code that waits, called from a future that is waited for.
fn waits(depth: u32) -> String {
    hybrid::block_on(async move {
        tokio::task::yield_now().await;
        match depth {
            0 => {
                let spawned = tokio::spawn(async { thread_kind() });
                format!("{} waited for {}", thread_kind(), spawned.await.unwrap())
            }
            _ => waits(depth - 1),
        }
    })
}

#[get("/blocks-nested")]
fn blocks_nested() -> String {
    // Once more afterwards: the thread is as it was before.
    let nested = waits(3);
    assert_eq!(waits(0), nested);
    nested
}

#[get("/blocks-nested-late", timeout = "50ms")]
fn blocks_nested_late() {
    hybrid::block_on(async { hybrid::block_on(std::future::pending()) })
}

#[test]
fn waiting_inside_of_waiting_works() {
    let app = App::new().routes(routes![blocks_nested, blocks_nested_late]);
    let client = TestClient::new(app);
    let nested = || client.get("/blocks-nested").send();
    assert_eq!(nested().text(), "hybrid-pool- waited for hybrid-loop-");
    assert_eq!(client.get("/blocks-nested-late").send().status(), 504);
    assert_eq!(nested().text(), "hybrid-pool- waited for hybrid-loop-");
}

#[get("/blocks-loop")]
async fn blocks_loop() -> String {
    hybrid::block_on(async { String::new() })
}

#[get("/blocks-inline", lane = inline)]
fn blocks_inline() -> String {
    hybrid::block_on(async { String::new() })
}

/// It would hold up everybody: a bug of the program, and a 500 of that request.
#[test]
fn waiting_for_a_future_on_a_loop_is_refused() {
    quiet();
    let client = TestClient::new(App::new().routes(routes![blocks_loop, blocks_inline, blocks]));
    for path in ["/blocks-loop", "/blocks-inline"] {
        assert_eq!(client.get(path).send().status(), 500);
    }
    assert_eq!(client.get("/blocks").send().status(), 200);
}

#[tokio::test]
async fn a_closure_outside_of_a_request_is_an_error() {
    let error = hybrid::run_on_pool(|| 1).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`hybrid::run_on_pool` was called outside of a request"
    );
}

// === Extractors ===

struct Loud(String);

/// Of an async function: made on the loop.
#[extractor]
async fn loud(#[header("x-name", min_length = 2)] name: String) -> Loud {
    Loud(format!("{name} {}", thread_kind()))
}

struct Page(u32, String);

/// Of a plain function: made on the pool.
#[extractor]
fn page(#[query(ge = 1, default = 1)] page: u32) -> Result<Page, Problem> {
    if page == 13 {
        return Err(Problem::not_found("no such page"));
    }
    Ok(Page(page, thread_kind()))
}

#[get("/page")]
async fn both_async(loud: Loud, page: Page) -> String {
    format!("{}, {} {}", loud.0, page.0, page.1)
}

#[get("/page-plain")]
fn both_plain(loud: Loud, page: Page) -> String {
    format!("{}, {} {}", loud.0, page.0, page.1)
}

#[get("/maybe")]
async fn maybe(page: Option<Page>) -> String {
    page.map_or("none".to_owned(), |page| page.0.to_string())
}

#[test]
fn extractors_run_where_their_colour_says() {
    let client = TestClient::new(App::new().routes(routes![both_async, both_plain, maybe]));
    for path in ["/page", "/page-plain"] {
        let made = client
            .get(path)
            .query("page", 3)
            .header("x-name", "Ada")
            .send();
        assert_eq!(made.text(), "Ada hybrid-loop-, 3 hybrid-pool-");
        let refused = client
            .get(path)
            .query("page", 0)
            .header("x-name", "Ada")
            .send();
        assert_eq!(
            refused.text(),
            r#"{"type":"urn:hybrid:validation_failed","title":"Validation failed","status":422,"code":"validation_failed","detail":"1 value was refused","errors":[{"loc":["query","page"],"code":"ge","message":"must be at least 1","params":{"ge":1}}]}"#
        );
        let refused = client
            .get(path)
            .query("page", 13)
            .header("x-name", "Ada")
            .send();
        assert_eq!(refused.status(), 404);
        // Guards are judged one after the other: the first refusal answers.
        let refused = client.get(path).query("page", 0).send();
        let errors: serde_json::Value = refused.json();
        assert_eq!(
            errors["errors"][0]["loc"],
            serde_json::json!(["header", "x-name"])
        );
        assert_eq!(errors["errors"].as_array().unwrap().len(), 1);
    }
    // Only a 401 stands for `None`.
    assert_eq!(client.get("/maybe?page=13").send().status(), 404);
    assert_eq!(client.get("/maybe?page=0").send().status(), 422);
    assert_eq!(client.get("/maybe?page=4").send().text(), "4");
}

// === Options ===

#[post("/made", status = 201)]
fn made(#[query] how: String) -> Result<Response> {
    Ok(match how.as_str() {
        "plain" => "made".into_response(),
        "accepted" => (http::StatusCode::ACCEPTED, "later").into_response(),
        "empty" => ().into_response(),
        _ => Err(Problem::conflict("there already"))?,
    })
}

#[post("/made-async", status = 201)]
async fn made_async(#[query] how: String) -> Result<Response> {
    made(how)
}

#[test]
fn a_status_stands_for_200_and_leaves_others_alone() {
    let client = TestClient::new(App::new().routes(routes![made, made_async]));
    for path in ["/made", "/made-async"] {
        let check = |how: &str, expected: u16| {
            assert_eq!(
                client.post(path).query("how", how).send().status(),
                expected,
                "{how}"
            );
        };
        check("plain", 201);
        check("accepted", 202);
        check("empty", 204);
        check("other", 409);
        assert_eq!(client.post(path).send().status(), 422);
    }
}

#[get("/never", timeout = "100ms")]
async fn never() {
    std::future::pending().await
}

struct Never;

#[extractor]
async fn waits_for_ever() -> Never {
    std::future::pending().await
}

#[get("/never-guarded", timeout = "100ms")]
async fn never_guarded(_never: Never) {}

#[get("/patient", timeout = none)]
async fn patient() -> &'static str {
    tokio::time::sleep(Duration::from_millis(200)).await;
    "at last"
}

#[get("/hurried")]
async fn hurried() -> &'static str {
    tokio::time::sleep(Duration::from_secs(3600)).await;
    "at last"
}

#[test]
fn a_timeout_is_the_routes_or_the_groups_or_the_apps() {
    let config = Config::new().request_timeout(Duration::from_millis(100));
    let app = App::new()
        .config(config)
        .routes(routes![never, never_guarded, patient, hurried]);
    let app = app.group("/slow", |group| {
        group.timeout(None).routes(routes![patient_by_group])
    });
    let app = app.group("/fast", |group| {
        group
            .timeout(Duration::from_millis(50))
            .routes(routes![hurried, patient])
    });
    let client = TestClient::new(app);
    let check = |path: &str, expected: u16| assert_eq!(client.get(path).send().status(), expected);
    check("/never", 504);
    check("/never-guarded", 504);
    check("/patient", 200);
    check("/hurried", 504);
    check("/slow/patient-by-group", 200);
    check("/fast/hurried", 504);
    check("/fast/patient", 200);
}

#[get("/patient-by-group")]
async fn patient_by_group() -> &'static str {
    tokio::time::sleep(Duration::from_millis(200)).await;
    "at last"
}

// === expose_lane ===

#[get("/judged")]
fn judged(#[query(ge = 1)] n: u32) -> String {
    assert!(n != 500, "{BOOM}");
    n.to_string()
}

#[post("/judged-async", body_limit = 10)]
async fn judged_async(body: Json<u32>) -> String {
    assert!(*body != 500, "{BOOM}");
    body.to_string()
}

#[test]
fn an_exposed_lane_stands_on_every_answer_of_a_route_and_on_no_other() {
    let app = App::new().config(Config::new().expose_lane(true));
    let app = app.routes(routes![judged, judged_async, never, guarded]);
    let app = app.group("/around", |group| {
        group.middleware(around).routes(routes![judged])
    });
    let server = Server::start(app);
    let check = |what: &str, rest: &str, expected: (u16, Option<&str>)| {
        let reply = server.send(&format!("{what} HTTP/1.1\r\nhost: test\r\n{rest}\r\n"));
        assert_eq!(
            (reply.status, reply.header("x-hybrid-lane")),
            expected,
            "{what}"
        );
        let timing = reply.header("server-timing").map(|timing| {
            let (queue, run) = timing.split_once(", ").unwrap();
            let queue = queue.strip_prefix("queue;dur=").unwrap();
            let run = run.strip_prefix("run;dur=").unwrap();
            queue.parse::<f64>().is_ok() && run.parse::<f64>().is_ok()
        });
        assert_eq!(timing, expected.1.map(|_| true));
    };
    check("GET /judged?n=1", "", (200, Some("pool")));
    check("GET /judged?n=0", "", (422, Some("pool")));
    check("GET /judged?n=%zz", "", (400, Some("pool")));
    check("GET /judged?n=500", "", (500, Some("pool")));
    check("GET /never", "", (504, Some("event")));
    check(
        "POST /judged-async",
        "content-length: 11\r\n",
        (413, Some("event")),
    );
    check(
        "POST /judged-async",
        "content-length: 1\r\n\r\n1",
        (415, Some("event")),
    );
    let json = "content-type: application/json\r\ncontent-length: 3\r\n\r\n500";
    check("POST /judged-async", json, (500, Some("event")));
    check("GET /guarded", "", (401, Some("pool")));
    check("GET /nowhere", "", (404, None));
    check("POST /judged", "content-length: 0\r\n", (405, None));
    // What stands around a route answers for it.
    check("GET /around/judged?n=1", "", (200, Some("pool")));
    check("GET /around/judged?n=0", "", (422, Some("pool")));
    check("GET /around/judged?refuse", "", (403, Some("pool")));
    check("GET /around/judged?panic", "", (500, Some("pool")));
    check("GET /around/nowhere?refuse", "", (403, None));
    check("GET /around/nowhere?panic", "", (500, None));
}

struct Refused;

#[extractor]
async fn refused() -> Result<Refused, Problem> {
    Err(Problem::unauthorized("nobody"))
}

#[get("/guarded")]
fn guarded(_refused: Refused) {}

#[middleware]
async fn around(request: Request, next: Next) -> Result<Response> {
    match request.uri().query() {
        Some("refuse") => Err(Problem::forbidden("as you wish")),
        Some("panic") => panic!("{BOOM}"),
        _ => Ok(next.run(request).await),
    }
}

#[test]
fn a_test_client_knows_the_lane_of_what_a_middleware_refused() {
    quiet();
    let app = App::new().group("/around", |g| g.middleware(around).routes(routes![judged]));
    let client = TestClient::new(app);
    for query in ["n=1", "n=0", "refuse", "panic"] {
        assert_eq!(
            client.get(format!("/around/judged?{query}")).send().lane(),
            Lane::Pool
        );
    }
}
