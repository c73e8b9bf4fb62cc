//! Managed concurrency: as many sleep at once as want to, no route keeps another
//! from its turn, what cannot be answered in time is refused at once, and whatever
//! clients do the pool is empty afterwards.

use std::{sync::Arc, thread, time::Duration};

use hybrid::prelude::*;
use serde_json::Value;
use tokio::time::timeout;

use crate::harness::{Gate, Server, Wire, at_once, join};

#[get("/stand")]
fn stand(State(gate): State<Gate>) -> &'static str {
    gate.stand();
    "through"
}

#[get("/short")]
fn short() -> &'static str {
    "short"
}

#[get("/sleep")]
fn sleep() -> &'static str {
    thread::sleep(Duration::from_millis(40));
    "slept"
}

fn start(gate: &Gate, config: Config) -> Server {
    let routes = routes![stand, short, sleep];
    Server::start(
        App::new()
            .admin_at("/_hybrid")
            .state(gate.clone())
            .config(config)
            .routes(routes),
    )
}

fn get(server: &Server, clients: usize, path: &'static str) -> Vec<thread::JoinHandle<u16>> {
    let addr = server.addr;
    at_once(clients, move |_| {
        let mut wire = Wire::to(addr);
        wire.ask(path);
        wire.read().status
    })
}

/// Nothing is known of the route, and no handler ends before all have begun: the pulse
/// alone finds that they sleep.
#[test]
fn as_many_sleep_at_once_as_want_to_from_a_cold_start() {
    let gate = Gate::default();
    let server = start(&gate, Config::new());
    let clients = get(&server, 64, "/stand");
    gate.wait_for(|counts| counts.begun == 64);
    gate.open();
    assert_eq!(join(clients), [200; 64]);
}

/// Every thread stands at the gate, and many more wait for one.
#[test]
fn a_route_that_takes_every_thread_does_not_hold_up_another() {
    let gate = Gate::default();
    let config = Config::new().max_threads(4);
    let server = start(&gate, config.queue_wait(Duration::from_secs(60)));
    let clients = get(&server, 32, "/stand");
    gate.wait_for(|counts| counts.begun == 4);
    for _ in 0..20 {
        let reply = server.get("/short");
        assert_eq!(
            reply.status,
            200,
            "{} {}",
            reply.text(),
            server.get("/_hybrid/lanes").text()
        );
    }
    assert_eq!(gate.counts().begun, 4);
    gate.open();
    assert_eq!(join(clients), [200; 32]);
}

/// One thread, 40 ms each, half a second of patience: of thirty clients who ask
/// again and again most would wait too long, which is known as soon as a few have
/// run.
#[test]
fn what_would_wait_too_long_is_refused_at_once() {
    let gate = Gate::default();
    let wait = Duration::from_millis(500);
    let server = start(&gate, Config::new().max_threads(1).queue_wait(wait));
    let addr = server.addr;
    let clients = at_once(30, move |_| {
        let mut wire = Wire::to(addr);
        let ask = |_| {
            wire.ask("/sleep");
            wire.read()
        };
        (0..20).map(ask).collect::<Vec<_>>()
    });
    let replies: Vec<_> = join(clients).into_iter().flatten().collect();
    let refused = replies.iter().find(|reply| {
        reply.status == 503
            && reply
                .text()
                .contains("no thread is expected to be free in time")
    });
    let retry = refused.and_then(|reply| reply.header("retry-after"));
    let retry: Option<u64> = retry.and_then(|seconds| seconds.parse().ok());
    assert!(retry.is_some_and(|seconds| seconds >= 1), "{retry:?}");
    assert!(replies.iter().any(|reply| reply.status == 200));
    // The estimate is of the queue: without one there is no refusal.
    assert_eq!(server.get("/sleep").status, 200);
}

#[post("/brief")]
fn brief(body: Bytes) -> String {
    body.len().to_string()
}

#[get("/naps")]
fn naps() {
    thread::sleep(Duration::from_micros(700));
}

#[get("/late", timeout = "1ms")]
fn late() {
    thread::sleep(Duration::from_micros(1500));
}

#[get("/panics")]
fn panics() {
    panic!("as the test wants it");
}

#[get("/three", max_concurrency = 3)]
fn three() {
    thread::sleep(Duration::from_micros(300));
}

#[get("/crosses")]
async fn crosses() -> Result<()> {
    Ok(hybrid::run_on_pool(|| thread::sleep(Duration::from_micros(200))).await?)
}

/// Where an answer takes longer than this, its client has left: a number between 0
/// and 2 ms that looks like chance and is the same every time.
fn patience(number: u64) -> Duration {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    Duration::from_micros(mixed % 2_000)
}

const TICKETS: u64 = 20_000;
const CLIENTS: u64 = 64;

/// Clients leave at all moments: while their ticket waits, is taken, runs, has
/// answered. Afterwards nothing is held, counted or queued any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_cancelled_at_any_moment_leave_nothing_behind() {
    let config = Config::new().max_threads(24).queue_depth(48);
    let routes = routes![brief, naps, late, panics, three, crosses, short];
    let app = App::new()
        .config(config)
        .admin_at("/_hybrid")
        .routes(routes);
    let client = Arc::new(TestClient::new(app));
    let clients = (0..CLIENTS).map(|number| {
        let client = Arc::clone(&client);
        tokio::spawn(async move {
            for round in 0..TICKETS / CLIENTS {
                let number = round * CLIENTS + number;
                let request = match number % 7 {
                    0 => client.get("/naps"),
                    1 => client.get("/late"),
                    // Its trace takes longer than all the others together.
                    2 if number.is_multiple_of(50) => client.get("/panics"),
                    3 => client.get("/three"),
                    4 => client.get("/crosses"),
                    5 => client.get("/short"),
                    _ => client.post("/brief").body(vec![0; 20_000]),
                };
                let answer = timeout(patience(number), request.send_async()).await;
                if let Ok(answer) = answer {
                    let status = answer.status().as_u16();
                    assert!(matches!(status, 200 | 204 | 500 | 503 | 504), "{status}");
                }
            }
        })
    });
    for ended in clients.collect::<Vec<_>>() {
        ended.await.expect("no client fails");
    }
    let seen = async |path: &str| -> Value { client.get(path).send_async().await.json() };
    let mut lanes = Value::Null;
    for _ in 0..2_000 {
        lanes = seen("/_hybrid/lanes").await;
        let pool = &lanes["pool"];
        if pool["busy"] == 0 && pool["queue_depth"] == 0 && pool["orphans"] == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let pool = &lanes["pool"];
    assert_eq!(pool["busy"], 0, "{lanes}");
    assert_eq!(pool["queue_depth"], 0, "{lanes}");
    assert_eq!(pool["orphans"], 0, "{lanes}");
    assert_eq!(pool["permits"], 0.0, "{lanes}");
    // The table is merged ten times a second.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let routes = seen("/_hybrid/routes").await;
    let routes = routes.as_array().expect("an array");
    assert!(
        routes.iter().all(|route| route["in_flight"] == 0),
        "{routes:?}"
    );
    // And it goes on answering.
    assert_eq!(client.get("/three").send_async().await.status(), 204);
}
