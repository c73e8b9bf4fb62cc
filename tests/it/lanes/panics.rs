//! A panic harms its own request and nothing else, wherever it happens: 500,
//! nothing of its text on the wire, every thread still there.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Barrier, Mutex},
    thread::{self, ThreadId},
    time::Duration,
};

use hybrid::prelude::*;

use crate::harness::{BOOM, Gate, Server, Wire, at_once, eventually, join, quiet};

const TIMES: usize = 1000;

const INTERNAL_ERROR: &str = r#"{"type":"urn:hybrid:internal_error","title":"Internal error","status":500,"code":"internal_error"}"#;

// === Handlers ===

#[get("/async")]
async fn on_event() {
    tokio::task::yield_now().await;
    panic!("{BOOM}");
}

#[get("/plain")]
fn on_pool() {
    panic!("{BOOM}");
}

#[get("/inline", lane = inline)]
fn on_loop() {
    panic!("{BOOM}");
}

#[get("/closure")]
async fn closure() -> Result<()> {
    Ok(hybrid::run_on_pool(|| panic!("{BOOM}")).await?)
}

// === Extractors and guards ===

struct Guard;

impl FromRequestParts for Guard {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut hybrid::Parts) -> Result<Self> {
        panic!("{BOOM}")
    }
}

struct Async;

#[extractor]
async fn extract_async() -> Async {
    panic!("{BOOM}")
}

struct Plain;

#[extractor]
fn extract_plain() -> Plain {
    panic!("{BOOM}")
}

#[get("/guard-async")]
async fn guard_async(_guard: Guard) {}

#[get("/guard-plain")]
fn guard_plain(_guard: Guard) {}

#[get("/extractor-async")]
async fn extractor_async(_extracted: Async) {}

#[get("/extractor-plain")]
async fn extractor_plain(_extracted: Plain) {}

#[get("/extractors-of-plain")]
fn extractors_of_plain(_one: Option<Async>, _two: Plain) {}

// === Rules and values ===

fn rule(_: &u32) -> Result<(), String> {
    panic!("{BOOM}")
}

#[get("/rule-async")]
async fn rule_async(#[query(custom = rule)] n: u32) -> String {
    n.to_string()
}

#[get("/rule-plain")]
fn rule_plain(#[query(custom = rule)] n: u32) -> String {
    n.to_string()
}

#[model]
struct Judged {
    #[field(custom = rule)]
    n: u32,
    filler: Option<String>,
}

#[post("/rule-of-model-async")]
async fn rule_of_model_async(body: Json<Judged>) -> String {
    body.filler.clone().unwrap_or_default()
}

#[post("/rule-of-model-plain")]
fn rule_of_model_plain(body: Json<Judged>) -> String {
    body.filler.clone().unwrap_or_default()
}

struct Word;

impl FromParam for Word {
    fn from_param(_: &str) -> std::result::Result<Self, hybrid::ParamError> {
        panic!("{BOOM}")
    }
}

#[get("/words/{word}")]
async fn word(word: Word) {
    let Word = word;
}

// === Answers and drops ===

struct Answer;

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        panic!("{BOOM}")
    }
}

#[get("/answer-async")]
async fn answer_async() -> Answer {
    Answer
}

#[get("/answer-plain")]
fn answer_plain() -> Answer {
    Answer
}

struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic!("{BOOM}");
        }
    }
}

#[extractor]
async fn bomb() -> PanicsOnDrop {
    PanicsOnDrop
}

#[get("/drop-async")]
async fn drop_async(_bomb: PanicsOnDrop) {}

#[get("/drop-plain")]
fn drop_plain(_bomb: PanicsOnDrop) {}

#[get("/payload-async")]
async fn payload_async() {
    std::panic::panic_any(Payload);
}

#[get("/payload-plain")]
fn payload_plain() {
    std::panic::panic_any(Payload);
}

/// What a panic carries may panic when it is dropped.
struct Payload;

impl Drop for Payload {
    fn drop(&mut self) {
        panic!("{BOOM}");
    }
}

#[derive(Debug)]
struct Silent;

impl fmt::Display for Silent {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("{BOOM}")
    }
}

impl std::error::Error for Silent {}

#[get("/error-text-async")]
async fn error_text_async() -> Result<()> {
    Err(Silent)?
}

#[get("/error-text-plain")]
fn error_text_plain() -> Result<()> {
    Err(Silent)?
}

// === Around ===

#[middleware]
async fn around(request: Request, next: Next) -> Response {
    if request.uri().path() == "/around/it" {
        panic!("{BOOM}");
    }
    next.run(request).await
}

#[middleware]
fn before(head: &Head) -> Result<(), Problem> {
    assert!(head.route() != Some("/before/it"), "{BOOM}");
    Ok(())
}

#[get("/it")]
async fn it() {}

// === What proves that all threads are there ===

/// Pool threads seen while all of them stood at one barrier.
#[derive(Clone)]
struct Muster {
    barrier: Arc<Barrier>,
    seen: Arc<Mutex<HashSet<ThreadId>>>,
}

const THREADS: usize = 3;

#[get("/muster")]
fn muster(State(muster): State<Muster>) {
    muster.seen.lock().unwrap().insert(thread::current().id());
    muster.barrier.wait();
}

fn app() -> App {
    quiet();
    let muster_state = Muster {
        barrier: Arc::new(Barrier::new(THREADS)),
        seen: Arc::default(),
    };
    let config = Config::new().max_threads(THREADS);
    App::new()
        // On a machine that is busy a thread may take its time to come.
        .config(config.queue_wait(Duration::from_secs(30)))
        .state(muster_state)
        .routes(routes![
            on_event,
            on_pool,
            on_loop,
            closure,
            guard_async,
            guard_plain,
            extractor_async,
            extractor_plain,
            extractors_of_plain,
            rule_async,
            rule_plain,
            rule_of_model_async,
            rule_of_model_plain,
            word,
            answer_async,
            answer_plain,
            drop_async,
            drop_plain,
            payload_async,
            payload_plain,
            error_text_async,
            error_text_plain,
            muster,
        ])
        .group("/around", |group| {
            group.middleware(around).routes(routes![it])
        })
        .group("/before", |group| {
            group.middleware(before).routes(routes![it])
        })
}

/// All threads of the pool, each proven to run by the others' waiting for it.
fn mustered(client: &Arc<TestClient>) -> usize {
    let all = at_once(THREADS, {
        let client = Arc::clone(client);
        move |_| client.get("/muster").send().status().as_u16()
    });
    join(all)
        .into_iter()
        .filter(|status| *status == 204)
        .count()
}

fn check_request(client: &TestClient, send: impl Fn(&TestClient) -> hybrid::TestResponse) {
    for _ in 0..TIMES {
        let answer = send(client);
        assert_eq!(answer.status(), 500);
        assert_eq!(answer.text(), INTERNAL_ERROR);
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        assert!(!format!("{:?}", answer.headers()).contains(BOOM));
    }
}

fn check_all(paths: &[&str]) {
    let client = Arc::new(TestClient::new(app()));
    assert_eq!(mustered(&client), THREADS);
    for path in paths {
        check_request(&client, |client| client.get(*path).send());
    }
    // No thread was lost: as many as before stand at the barrier together.
    assert_eq!(mustered(&client), THREADS);
}

#[test]
fn a_thousand_panics_in_handlers() {
    check_all(&["/async", "/plain", "/inline", "/closure"]);
}

#[test]
fn a_thousand_panics_in_extractors() {
    check_all(&[
        "/guard-async",
        "/guard-plain",
        "/extractor-async",
        "/extractor-plain",
        "/extractors-of-plain",
    ]);
}

#[test]
fn a_thousand_panics_in_rules() {
    check_all(&["/rule-async?n=1", "/rule-plain?n=1", "/words/any"]);
    // Small and on the loop, large and on the pool.
    let client = TestClient::new(app());
    for length in [1, 20_000] {
        let body = Judged {
            n: 1,
            filler: Some("x".repeat(length)),
        };
        check_request(&client, |client| {
            client.post("/rule-of-model-async").json(&body).send()
        });
        check_request(&client, |client| {
            client.post("/rule-of-model-plain").json(&body).send()
        });
    }
}

#[test]
fn a_thousand_panics_in_answers() {
    check_all(&[
        "/answer-async",
        "/answer-plain",
        "/error-text-async",
        "/error-text-plain",
    ]);
}

#[test]
fn a_thousand_panics_in_drops() {
    check_all(&[
        "/drop-async",
        "/drop-plain",
        "/payload-async",
        "/payload-plain",
    ]);
}

#[test]
fn a_thousand_panics_in_middleware() {
    check_all(&["/around/it", "/before/it"]);
}

#[get("/drop-late-async", timeout = "20ms")]
async fn drop_late_async(_bomb: PanicsOnDrop) {
    std::future::pending().await
}

#[get("/drop-late", timeout = "20ms")]
fn drop_late(State(gate): State<Gate>, bomb: PanicsOnDrop) {
    gate.stand();
    drop(bomb);
}

#[test]
fn a_thousand_panics_where_no_route_answers() {
    let app = app()
        .fallback(|_: Request| async {
            if true {
                panic!("{BOOM}")
            }
        })
        .mount(
            "/mounted",
            tower::service_fn(|_: Request| async {
                if true {
                    panic!("{BOOM}")
                }
                Ok::<_, std::io::Error>(().into_response())
            }),
        );
    let client = TestClient::new(app);
    for path in ["/nowhere", "/mounted/service"] {
        check_request(&client, |client| client.get(path).send());
    }
}

/// A value whose `Drop` panics is dropped late: by a deadline that passes in the
/// queue, while running, or because the client has left.
#[test]
fn panics_in_drops_that_nobody_waits_for() {
    quiet();
    let gate = Gate::default();
    let app = App::new()
        .config(Config::new().max_threads(1))
        .state(gate.clone());
    let server = Server::start(app.routes(routes![drop_late_async, drop_late, it]));
    for _ in 0..20 {
        // The first runs on, the others wait behind it.
        let status = server.get("/drop-late").status;
        assert_eq!(status, 504);
        let status = server.get("/drop-late-async").status;
        assert!(status == 500 || status == 504, "{status}");
        let mut leaves = Wire::to(server.addr);
        leaves.ask("/drop-late-async");
    }
    gate.open();
    gate.wait_for(|counts| counts.ended == 1);
    assert_eq!(server.get("/it").status, 204);
    eventually("the thread is there", || {
        server.get("/drop-late").status == 500
    });
    server.stop().unwrap();
    assert_eq!(gate.counts().begun, gate.counts().ended);
}

/// A format of the user's may panic as well; what it was to say is then said in
/// the framework's own.
#[test]
fn a_thousand_panics_in_the_error_format() {
    let format = ErrorFormat::custom(|_, _| panic!("{BOOM}"));
    let client = Arc::new(TestClient::new(app().error_format(format)));
    for path in ["/plain", "/async", "/nowhere", "/rule-plain?n=x"] {
        check_request(&client, |client| client.get(path).send());
    }
    assert_eq!(mustered(&client), THREADS);
}

#[test]
fn a_thousand_panics_in_a_mapping_of_errors() {
    let app = app().on_error::<Silent>(|_| panic!("{BOOM}"));
    let client = Arc::new(TestClient::new(app));
    for path in ["/error-text-async", "/error-text-plain"] {
        check_request(&client, |client| client.get(path).send());
    }
    assert_eq!(mustered(&client), THREADS);
}

/// A connection outlives the panics of its requests.
#[test]
fn a_connection_serves_on_after_panics() {
    let server = Server::start(app());
    let mut wire = Wire::to(server.addr);
    for path in [
        "/async",
        "/plain",
        "/inline",
        "/around/it",
        "/drop-plain",
        "/drop-async",
    ] {
        for _ in 0..100 {
            wire.ask(path);
            let reply = wire.read();
            assert_eq!(
                (reply.status, reply.text()),
                (500, INTERNAL_ERROR),
                "{path}"
            );
        }
    }
    wire.ask("/rule-async?n=x");
    assert_eq!(wire.read().status, 422);
    server.stop().unwrap();
}
