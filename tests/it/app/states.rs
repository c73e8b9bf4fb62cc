//! What handlers share: found by type, a group's before the app's, replaced in
//! tests.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use hybrid::prelude::*;

use crate::harness::Server;

trait Repo: Send + Sync {
    fn name(&self) -> &'static str;
}

struct Real;
struct Fake;

impl Repo for Real {
    fn name(&self) -> &'static str {
        "real"
    }
}

impl Repo for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }
}

#[get("/level")]
async fn level(State(level): State<&'static str>, State(n): State<u32>) -> String {
    format!("{level} {n}")
}

#[get("/repo")]
fn repo(State(repo): State<Arc<dyn Repo>>) -> &'static str {
    repo.name()
}

#[get("/count")]
fn count(State(count): State<Arc<AtomicUsize>>) -> String {
    count.fetch_add(1, Ordering::Relaxed).to_string()
}

type Level = State<&'static str>;

struct Guard(&'static str);

impl FromRequestParts for Guard {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts) -> Result<Self> {
        let level = parts
            .state::<&'static str>()
            .ok_or_else(|| Problem::internal("undescribed"))?;
        Ok(Self(level))
    }

    fn describe(to: &mut hybrid::Describe) {
        to.state::<&'static str>();
    }
}

#[get("/alias")]
async fn alias(level: Level, guard: Guard) -> String {
    format!("{} {}", *level, guard.0)
}

fn app() -> App {
    App::new()
        .group("/inner", |group| {
            group
                .state("inner")
                .routes(routes![level, alias])
                .group("/innermost", |group| {
                    group
                        .routes(routes![level, alias])
                        .state("innermost")
                        .state(3_u32)
                })
        })
        .routes(routes![level, repo, count, alias])
        .state("app")
        .state(1_u32)
        .state::<Arc<dyn Repo>>(Arc::new(Real))
        .state(Arc::new(AtomicUsize::new(0)))
}

#[test]
fn a_groups_state_shadows_the_apps_whatever_the_order_of_calls() {
    let client = TestClient::new(app());
    let check = |path: &str, expected: &str| assert_eq!(client.get(path).send().text(), expected);
    check("/level", "app 1");
    check("/inner/level", "inner 1");
    check("/inner/innermost/level", "innermost 3");
    check("/alias", "app app");
    check("/inner/alias", "inner inner");
    check("/inner/innermost/alias", "innermost innermost");
    check("/repo", "real");
    check("/count", "0");
    check("/count", "1");
}

#[test]
fn a_test_replaces_a_state_wherever_it_is() {
    let fake: Arc<dyn Repo> = Arc::new(Fake);
    let client = TestClient::new(app())
        .replace_state(fake)
        .replace_state("fake");
    assert_eq!(client.get("/repo").send().text(), "fake");
    assert_eq!(client.get("/inner/innermost/level").send().text(), "fake 3");
}

#[test]
fn a_state_that_is_replaced_is_never_made() {
    let app = App::new().state_with(|| Err::<u32, _>("there is no database here"));
    let client = TestClient::new(app.state("app").routes(routes![level])).replace_state(7_u32);
    assert_eq!(client.get("/level").send().text(), "app 7");
}

#[test]
fn constructors_that_fail_or_panic_are_reported_with_their_lines() {
    let line = line!() + 2;
    let app = App::new()
        .state_with(|| -> std::io::Result<u8> { panic!("no disk") })
        .state_with_async(|| async { Err::<u16, _>("no database") })
        .routes(routes![level]);
    let error = TestClient::new(app).check().expect_err("no state is made");
    let lines: Vec<String> = error.lines().collect();
    let check = |number: usize, text: &str, place: &str| {
        assert!(lines[number].contains(text), "{error:?}");
        assert!(lines[number].contains(place), "{error:?}");
    };
    let given = |line| format!("given at tests/it/app/states.rs:{line}");
    let why = "type `u8` could not be made: its constructor panicked: no disk";
    check(0, why, &given(line));
    check(
        1,
        "type `u16` could not be made: no database",
        &given(line + 1),
    );
    check(2, "`level` takes `State<&str>`", "`level` at");
    assert_eq!(lines.len(), 4, "{error:?}");
}

#[test]
fn a_missing_state_is_found_through_aliases_and_guards() {
    let check = |app: App, faults: &[&str]| {
        let error = TestClient::new(app)
            .check()
            .expect_err("a state is missing");
        let lines: Vec<String> = error.lines().collect();
        assert_eq!(lines.len(), faults.len(), "{error:?}");
        for (line, fault) in lines.iter().zip(faults) {
            assert!(line.contains(fault), "{error:?}");
            assert!(line.contains("tests/it/app/states.rs:"), "{error:?}");
        }
    };
    check(
        App::new().routes(routes![alias]),
        &["`alias` takes `State<&str>`"],
    );
    // Given to one group, missing in the other.
    let group = |group: Group| group.state("inner").routes(routes![alias]);
    check(
        App::new()
            .group("/a", group)
            .group("/b", |group| group.routes(routes![alias])),
        &["`alias` takes `State<&str>`"],
    );
    check(
        App::new().routes(routes![level]),
        &["`level` takes `State<&str>`", "`level` takes `State<u32>`"],
    );
    check(
        App::new()
            .state("a")
            .state(1_u32)
            .state("b")
            .routes(routes![level]),
        &["two states of type `&str` in one group"],
    );
}

// === What worker processes may take ===

#[get("/resize", lane = process)]
fn resize(State(n): State<u32>, State(level): State<&'static str>) -> String {
    format!("{level} {n}")
}

#[get("/stamped", lane = process)]
fn stamped(Extension(n): Extension<u8>) -> String {
    n.to_string()
}

#[test]
fn a_value_that_was_given_is_not_taken_in_a_worker() {
    let line = line!() + 3;
    let app = || {
        App::new()
            .state(1_u32)
            .state_with(|| Ok::<_, std::io::Error>("made"))
    };
    let faulty = Server::start(app().routes(routes![resize]));
    let report = format!("{:?}", faulty.stop().expect_err("a value was given"));
    for text in [
        "`resize` runs in a worker process, which cannot have the value of `State<u32>`",
        "write `.state_with(|| ..)`",
        "`resize` at tests/it/app/states.rs:",
        &format!("given at tests/it/app/states.rs:{line}"),
    ] {
        assert!(report.contains(text), "{report}");
    }
    assert!(!report.contains("State<&str>"), "{report}");
    // Tests run process routes in their own process.
    let client = TestClient::new(app().routes(routes![resize]));
    assert_eq!(client.get("/resize").send().text(), "made 1");
}

#[test]
fn an_extension_is_not_taken_in_a_worker() {
    let app = App::new().routes(routes![stamped]);
    let error = TestClient::new(app).check().expect_err("an extension");
    let report = format!("{error:?}");
    for text in [
        "`stamped` takes `Extension<u8>`, which a layer puts into the request",
        "`stamped` at tests/it/app/states.rs:",
    ] {
        assert!(report.contains(text), "{report}");
    }
}

async fn seen(request: Request) -> String {
    format!("{:?}", request.state::<u8>())
}

#[test]
fn a_fallback_sees_the_states_of_the_app() {
    let client = TestClient::new(App::new().state(7_u8).fallback(seen));
    assert_eq!(client.get("/nowhere").send().text(), "Some(7)");
}
