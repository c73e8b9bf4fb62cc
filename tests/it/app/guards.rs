//! Guards of groups and of the app: what is asked before every route, and whose value
//! nobody takes.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use hybrid::prelude::*;

use crate::harness::{Server, Wire};

/// Who asks, and how often.
#[derive(Clone, Default)]
struct Asked(Arc<AtomicUsize>);

struct Member(String);

#[extractor]
async fn member(#[header] x_user: Option<String>, State(asked): State<Asked>) -> Result<Member> {
    asked.0.fetch_add(1, Ordering::Relaxed);
    match x_user {
        Some(name) => Ok(Member(name)),
        None => Err(Problem::unauthorized("say who you are")),
    }
}

/// A plain `fn`: asked on the pool.
struct Admin;

#[extractor]
fn admin(#[header] x_role: Option<String>) -> Result<Admin> {
    match x_role.as_deref() {
        Some("admin") => Ok(Admin),
        _ => Err(Problem::forbidden("for admins")),
    }
}

#[get("/event")]
async fn on_event() -> &'static str {
    "event"
}

#[get("/pool")]
fn on_pool() -> &'static str {
    "pool"
}

#[get("/inline", lane = inline)]
fn inline() -> &'static str {
    "inline"
}

#[get("/process", lane = process)]
fn process() -> &'static str {
    "process"
}

#[get("/taken")]
async fn taken(Member(name): Member) -> String {
    name
}

#[get("/number/{n}")]
async fn number(n: u8, #[query] wanted: u8) -> String {
    (n + wanted).to_string()
}

#[post("/body")]
async fn body(Json(n): Json<u8>) -> String {
    n.to_string()
}

fn app(asked: &Asked) -> App {
    App::new()
        .state(asked.clone())
        .routes(routes![on_event])
        .group("/members", |group| {
            group
                .routes(routes![
                    on_event, on_pool, inline, process, taken, number, body
                ])
                .group("/admins", |group| {
                    group.routes(routes![on_event, taken]).guard::<Admin>()
                })
                .guard::<Member>()
        })
}

#[test]
fn a_group_asks_for_all_its_routes_and_nothing_else() {
    let asked = Asked::default();
    let client = TestClient::new(app(&asked));
    let check = |path: &str, headers: &[(&str, &str)], expected: u16| {
        let request = client.get(path);
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        assert_eq!(request.send().status(), expected, "{path} {headers:?}");
    };
    check("/event", &[], 200);
    check("/members/nothing", &[], 404);
    assert_eq!(asked.0.load(Ordering::Relaxed), 0);
    let ada = ("x-user", "Ada");
    for lane in ["event", "pool", "inline", "process", "taken"] {
        let path = format!("/members/{lane}");
        check(&path, &[], 401);
        check(&path, &[ada], 200);
    }
    // The outer one is asked first, and refuses for the inner one.
    check("/members/admins/event", &[("x-role", "admin")], 401);
    check("/members/admins/event", &[ada], 403);
    check("/members/admins/event", &[ada, ("x-role", "admin")], 200);
    let taken = client.get("/members/admins/taken");
    let taken = taken.header("x-user", "Ada").header("x-role", "admin");
    asked.0.store(0, Ordering::Relaxed);
    assert_eq!(taken.send().text(), "Ada");
    // For the group, and for the handler that wants its value.
    assert_eq!(asked.0.load(Ordering::Relaxed), 2);
}

#[test]
fn a_guard_comes_before_parameters_and_body() {
    let app = App::new().state(Asked::default());
    let server = Server::start(app.group("/members", |group| {
        group.guard::<Member>().routes(routes![number, body])
    }));
    let refused = server.get("/members/number/x?wanted=y");
    assert_eq!(refused.status, 401);
    let user = "x-user: Ada\r\n";
    let judged = server.send(&format!(
        "GET /members/number/x?wanted=y HTTP/1.1\r\nhost: test\r\n{user}\r\n"
    ));
    assert_eq!(judged.status, 422);
    // Of a body nothing was sent yet, nor is it waited for.
    let head = "POST /members/body HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n";
    let mut wire = Wire::to(server.addr);
    wire.write(format!("{head}content-length: 100\r\n\r\n"));
    assert_eq!(wire.read().status, 401);
    let mut wire = Wire::to(server.addr);
    wire.write(format!("{head}{user}content-length: 1\r\n\r\n7"));
    assert_eq!(wire.read().text(), "7");
}

#[test]
fn a_guard_of_the_app_stands_before_those_of_its_groups() {
    let app = app(&Asked::default()).guard::<Admin>();
    let client = TestClient::new(app.error_format(ErrorFormat::FastApi));
    let refused = client.get("/members/event").send();
    assert_eq!(
        (refused.status().as_u16(), refused.text()),
        (403, r#"{"detail":"for admins"}"#)
    );
    assert_eq!(client.get("/event").send().status(), 403);
    assert_eq!(client.get("/nothing").send().status(), 404);
    let admin = client.get("/event").header("x-role", "admin");
    assert_eq!(admin.send().status(), 200);
}

/// A guard that panics, or takes too long, refuses.
#[test]
fn a_guard_that_fails_lets_nobody_through() {
    struct Panics;
    impl FromRequestParts for Panics {
        type Rejection = Problem;
        async fn from_request_parts(_: &mut Parts) -> Result<Self> {
            panic!("{}", crate::harness::BOOM)
        }
    }
    struct Waits;
    impl FromRequestParts for Waits {
        type Rejection = Problem;
        async fn from_request_parts(_: &mut Parts) -> Result<Self> {
            std::future::pending().await
        }
    }
    crate::harness::quiet();
    let app = App::new()
        .group("/panics", |g| {
            g.guard::<Panics>().routes(routes![on_event, on_pool])
        })
        .group("/waits", |g| {
            let g = g.timeout(std::time::Duration::from_millis(20));
            g.guard::<Waits>().routes(routes![on_event, on_pool])
        });
    let client = TestClient::new(app);
    for (path, status) in [
        ("/panics/event", 500),
        ("/panics/pool", 500),
        ("/waits/event", 504),
        ("/waits/pool", 504),
    ] {
        assert_eq!(client.get(path).send().status(), status, "{path}");
    }
}

#[test]
fn what_a_guard_needs_is_checked_at_the_start() {
    let app = App::new().group("/g", |group| {
        group.guard::<Member>().routes(routes![on_pool])
    });
    let report = format!("{:?}", TestClient::new(app).check().unwrap_err());
    for expected in [
        "takes `State<it::app::guards::Asked>`, which the app does not have",
        "`on_pool` at tests/it/app/guards.rs:",
        "guard `it::app::guards::Member` at tests/it/app/guards.rs:",
    ] {
        assert!(
            report.contains(expected),
            "`{expected}` is missing in {report}"
        );
    }
}

/// It would be reached past the guard, silently.
#[test]
fn a_mount_behind_a_guard_is_a_fault() {
    let app = App::new().group("/g", |group| {
        group.guard::<Admin>().mount("/legacy", axum::Router::new())
    });
    let report = format!("{:?}", TestClient::new(app).check().unwrap_err());
    for expected in [
        "the guard `it::app::guards::Admin` is asked for routes, and the service mounted at /g/legacy",
        "guard at tests/it/app/guards.rs:",
        "mounted at tests/it/app/guards.rs:",
    ] {
        assert!(
            report.contains(expected),
            "`{expected}` is missing in {report}"
        );
    }
}
