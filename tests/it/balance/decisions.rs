//! What the balancer does with real requests. Its waits are shortened; nothing
//! here depends on how fast the machine is, but on what was seen to have happened.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use hybrid::{Balancing, Mode, prelude::*};
use hybrid_core::testing::hurry_balancer;
use serde_json::Value;

use crate::harness::{Program, Wire, at_once, eventually, join, main_of};

/// Whether handlers that hold their loop may go on. Shared as a state.
#[derive(Clone, Default)]
struct Open(Arc<AtomicBool>);

fn this_thread() -> String {
    hybrid::current().thread()
}

#[get("/auto", lane = auto)]
fn auto(#[query(default = 0)] ms: u64) -> String {
    nap(ms);
    this_thread()
}

#[get("/twin")]
fn twin(#[query(default = 0)] ms: u64) -> String {
    nap(ms);
    this_thread()
}

#[get("/written", lane = pool)]
fn written() -> String {
    this_thread()
}

fn nap(ms: u64) {
    if ms > 0 {
        thread::sleep(Duration::from_millis(ms));
    }
}

#[get("/light")]
async fn light() -> String {
    this_thread()
}

/// Holds its thread, as nobody should, until it may go on.
#[get("/hold")]
async fn hold(State(open): State<Open>) -> String {
    while !open.0.load(Ordering::Relaxed) {
        std::hint::spin_loop();
    }
    this_thread()
}

#[get("/slow", timeout = "50ms")]
async fn slow() {
    tokio::time::sleep(Duration::from_secs(60)).await;
}

fn client(config: Config, open: &Open) -> TestClient {
    let app = App::new()
        .config(config)
        .admin_at("/_hybrid")
        .state(open.clone())
        .routes(routes![auto, twin, written, light, hold, slow]);
    TestClient::new(hurry_balancer(app, 60))
}

fn balanced(config: Config) -> TestClient {
    client(config, &Open::default())
}

/// What the admin endpoint says of a route.
fn route(client: &TestClient, path: &str) -> Value {
    let routes: Value = client.get("/_hybrid/routes").send().json();
    let routes = routes.as_array().unwrap();
    let found = routes.iter().find(|route| route["path"] == path);
    found.unwrap().clone()
}

fn lanes(client: &TestClient) -> Value {
    client.get("/_hybrid/lanes").send().json()
}

/// Calls a route until it runs there.
fn until_lane(client: &TestClient, path: &str, lane: Lane) {
    eventually(&format!("{path} on {lane}"), || {
        client.get(path).send().lane() == lane
    });
}

fn is_on_loop(thread: &str) -> bool {
    thread.starts_with("hybrid-loop-")
}

#[test]
fn a_trivial_auto_route_goes_inline_and_back_at_its_first_sleep() {
    let client = balanced(Config::new());
    until_lane(&client, "/auto", Lane::Inline);
    assert!(is_on_loop(client.get("/auto").send().text()) || moved_back(&client));
    // A busy machine may have taken it back meanwhile: until it slept inline.
    eventually("a sleep on the event loop", || {
        until_lane(&client, "/auto", Lane::Inline);
        client.get("/auto").query("ms", 5).send().lane() == Lane::Inline
    });
    assert_eq!(client.get("/auto").send().lane(), Lane::Pool);
    eventually("the move is listed", || {
        let route = route(&client, "/auto");
        let moves = route["moves"].as_array().unwrap();
        let slept = moves.iter().filter(|moved| moved["to"] == "pool");
        let mut whys = slept.map(|moved| moved["why"].as_str().unwrap());
        whys.any(|why| why.contains("on the event loop") && why.contains("ms"))
    });
    let first = &route(&client, "/auto")["moves"][0];
    assert_eq!(
        (&first["from"], &first["to"]),
        (&"pool".into(), &"inline".into())
    );
    let why = first["why"].as_str().unwrap();
    assert!(
        why.contains("calls timed") && why.contains("a hop costs"),
        "{why}"
    );
}

fn moved_back(client: &TestClient) -> bool {
    route(client, "/auto")["moves"].as_array().unwrap().len() > 1
}

#[test]
fn its_twin_is_advised_and_stays_where_it_is() {
    let client = balanced(Config::new());
    eventually("advice", || {
        (0..100).for_each(|_| {
            assert_eq!(client.get("/twin").send().lane(), Lane::Pool);
            assert_eq!(client.get("/written").send().lane(), Lane::Pool);
        });
        let advice = &route(&client, "/twin")["advice"];
        advice
            .as_str()
            .is_some_and(|advice| advice.contains("`lane = auto`"))
    });
    assert_eq!(route(&client, "/twin")["moves"], Value::Array(Vec::new()));
    // Whoever wrote the lane is not told another.
    assert_eq!(route(&client, "/written")["advice"], Value::Null);
}

#[test]
fn under_promote_every_fn_without_a_lane_is_auto() {
    let client = balanced(Config::new().promote(true));
    until_lane(&client, "/twin", Lane::Inline);
    for _ in 0..3_000 {
        assert_eq!(client.get("/written").send().lane(), Lane::Pool);
    }
}

#[test]
fn observe_publishes_and_moves_nothing() {
    let client = balanced(Config::new().balancer(Balancing::Observe));
    eventually("a decision", || {
        (0..100).for_each(|_| {
            assert_eq!(client.get("/auto").send().lane(), Lane::Pool);
        });
        let moves = &route(&client, "/auto")["moves"];
        let why = moves[0]["why"].as_str();
        why.is_some_and(|why| why.starts_with("would move: "))
    });
    assert_eq!(route(&client, "/auto")["effective_lane"], "pool");
    let lanes = lanes(&client);
    assert_eq!(
        (&lanes["balancer"]["mode"], &lanes["balancer"]["moves"]),
        (&"observe".into(), &0.into())
    );
}

#[test]
fn off_decides_nothing() {
    let client = balanced(Config::new().balancer(Balancing::Off));
    for _ in 0..3_000 {
        assert_eq!(client.get("/auto").send().lane(), Lane::Pool);
    }
    let before = lanes(&client)["balancer"]["ticks"].as_u64().unwrap();
    eventually("a tick", || {
        lanes(&client)["balancer"]["ticks"].as_u64().unwrap() > before + 2
    });
    let route = route(&client, "/auto");
    assert_eq!(route["label"], "unknown");
    assert_eq!(route["moves"], Value::Array(Vec::new()));
    assert_eq!(lanes(&client)["balancer"]["mode"], "off");
}

// === Stalls ===

/// Holds a loop until the watch has seen it.
fn stall(client: &TestClient, open: &Open) {
    let stalls = || lanes(client)["event"]["stalls"].as_u64().unwrap();
    let before = stalls();
    open.0.store(false, Ordering::Relaxed);
    thread::scope(|scope| {
        let held = scope.spawn(|| client.get("/hold").send());
        eventually("a stall", || stalls() > before);
        open.0.store(true, Ordering::Relaxed);
        assert_eq!(held.join().unwrap().lane(), Lane::Event);
    });
}

#[test]
fn who_keeps_holding_a_loop_is_quarantined_and_comes_back() {
    let open = Open::default();
    let client = client(Config::new(), &open);
    (0..3).for_each(|_| stall(&client, &open));
    eventually("the quarantine", || {
        route(&client, "/hold")["effective_lane"] == "quarantine"
    });
    let held = route(&client, "/hold");
    assert!(
        held["advice"]
            .as_str()
            .unwrap()
            .contains("hybrid::run_on_pool"),
        "{held}"
    );
    assert!(
        held["moves"][0]["why"]
            .as_str()
            .unwrap()
            .contains("3 times"),
        "{held}"
    );
    // As many as there are event loops hold theirs: nobody else notices.
    open.0.store(false, Ordering::Relaxed);
    thread::scope(|scope| {
        let holding: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| client.get("/hold").send()))
            .collect();
        for _ in 0..100 {
            let answer = client.get("/light").send();
            assert!(is_on_loop(answer.text()));
        }
        open.0.store(true, Ordering::Relaxed);
        for held in holding {
            let held = held.join().unwrap();
            assert_eq!(held.lane(), Lane::Quarantine);
            assert!(
                held.text().starts_with("hybrid-quarantine-"),
                "{}",
                held.text()
            );
        }
    });
    until_lane(&client, "/hold", Lane::Event);
    let moves = &route(&client, "/hold")["moves"];
    assert_eq!(moves[1]["to"], "event", "{moves}");
}

/// The line of [`hold_until_told`] below.
const HOLD_LINE: u32 = line!() + 4;

/// Holds its loop until a file is there.
#[get("/hold-until-told")]
async fn hold_until_told() {
    while !Path::new("told").exists() {
        std::hint::spin_loop();
    }
}

#[test]
fn serving() {
    main_of(|| {
        App::new()
            .config(Config::new().addr("127.0.0.1:0").event_loops(2))
            .routes(routes![hold_until_told])
            .run()
    });
}

#[test]
fn a_stall_is_named_while_it_lasts() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::start("balance::decisions::serving", directory.path(), &[]);
    let addr = program.listens();
    let mut wire = Wire::to(addr);
    wire.ask("/hold-until-told");
    let named = program.says("a handler holds its event loop");
    // Only now it may end.
    std::fs::write(directory.path().join("told"), "").unwrap();
    assert_eq!(wire.read().status, 204);
    let place = format!("tests/it/balance/decisions.rs:{HOLD_LINE}");
    for word in [
        "/hold-until-told",
        "hold_until_told",
        &place,
        "hybrid::run_on_pool",
    ] {
        assert!(named.contains(word), "{word} in {named}");
    }
    // Hardly more on a machine that has a processor to spare for the watch.
    let held = named
        .split(' ')
        .find_map(|word| word.strip_prefix("held_ms="));
    let held: u64 = held.unwrap().parse().unwrap();
    assert!(held >= 10, "{held} ms");
}

// === Modes ===

#[test]
fn async_only_runs_plain_handlers_on_the_loops_for_good() {
    let client = balanced(Config::new().mode(Mode::AsyncOnly));
    for path in ["/auto", "/twin", "/written"] {
        let answer = client.get(path).send();
        assert!(is_on_loop(answer.text()), "{path} {}", answer.text());
        assert_eq!(answer.lane(), Lane::Inline);
    }
    // No violation moves it.
    client.get("/twin").query("ms", 20).send();
    assert_eq!(client.get("/twin").send().lane(), Lane::Inline);
    assert_eq!(lanes(&client)["balancer"]["moves"], 0);
}

#[test]
fn sync_only_drives_every_handler_on_a_pool_thread() {
    let open = Open::default();
    let client = Arc::new(client(
        Config::new()
            .mode(Mode::SyncOnly)
            .max_threads(2)
            .promote(true),
        &open,
    ));
    for path in ["/auto", "/twin", "/light"] {
        let answer = client.get(path).send();
        assert!(
            answer.text().starts_with("hybrid-pool-"),
            "{path} {}",
            answer.text()
        );
        assert_eq!(answer.lane(), Lane::Pool);
    }
    assert_eq!(client.get("/slow").send().status(), 504);
    // Each thread drives one: two that hold theirs leave none for a third.
    let held = at_once(2, {
        let client = Arc::clone(&client);
        move |_| client.get("/hold").send().status()
    });
    eventually("both are held", || {
        lanes(&client)["pool"]["busy"].as_u64() == Some(2)
    });
    open.0.store(true, Ordering::Relaxed);
    assert_eq!(join(held), [200, 200]);
}
