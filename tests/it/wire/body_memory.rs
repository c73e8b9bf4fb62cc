//! The bound on bodies in memory: who waits, who is refused, and that all room is free
//! again, however a request ends.

use std::{fs, net::SocketAddr, path::PathBuf, time::Duration};

use bytes::Bytes;
use hybrid::prelude::*;
use serde_json::Value;

use crate::harness::{
    BOOM, Gate, PATIENCE, Program, Reply, Server, Wire, at_once, eventually, join, main_of,
};

const KIB: usize = 1024;

// === The application ===

#[post("/raw")]
fn raw(State(gate): State<Gate>, bytes: Bytes) -> String {
    gate.stand();
    bytes.len().to_string()
}

#[post("/raw-async")]
async fn raw_async(State(gate): State<Gate>, bytes: Bytes) -> String {
    gate.stand_async().await;
    bytes.len().to_string()
}

#[post("/json")]
fn a_json(State(gate): State<Gate>, Json(value): Json<Value>) -> String {
    gate.stand();
    count(&value)
}

#[post("/json-async")]
async fn a_json_async(State(gate): State<Gate>, Json(value): Json<Value>) -> String {
    gate.stand_async().await;
    count(&value)
}

#[post("/form")]
fn a_form(State(gate): State<Gate>, #[form] text: String) -> String {
    gate.stand();
    text.len().to_string()
}

struct Own(Bytes);

impl FromRequest for Own {
    type Rejection = Problem;

    async fn from_request(request: Request) -> Result<Self> {
        Ok(Self(Bytes::from_request(request).await?))
    }
}

#[post("/own")]
fn own(State(gate): State<Gate>, own: Own) -> String {
    gate.stand();
    own.0.len().to_string()
}

struct OwnJson(Value);

impl FromRequest for OwnJson {
    type Rejection = Problem;

    async fn from_request(request: Request) -> Result<Self> {
        let Json(value) = Json::from_request(request).await?;
        Ok(Self(value))
    }
}

#[post("/own-json")]
async fn own_json(State(gate): State<Gate>, own: OwnJson) -> String {
    gate.stand_async().await;
    count(&own.0)
}

#[post("/part")]
async fn a_part(State(gate): State<Gate>, mut parts: Multipart) -> Result<String> {
    let mut held = Bytes::new();
    while let Some(part) = parts.next_field().await? {
        held = part.bytes().await?;
    }
    gate.stand_async().await;
    Ok(held.len().to_string())
}

#[post("/short", timeout = "20ms")]
fn short(State(gate): State<Gate>, bytes: Bytes) -> String {
    gate.stand();
    bytes.len().to_string()
}

#[post("/panics")]
fn panics(bytes: Bytes) -> String {
    panic!("{BOOM} {}", bytes.len());
}

#[model]
struct Small {
    #[field(max_items = 1)]
    numbers: Vec<u32>,
}

#[post("/refused")]
async fn refused(Json(small): Json<Small>) -> String {
    small.numbers.len().to_string()
}

fn count(value: &Value) -> String {
    value.as_array().map_or(0, Vec::len).to_string()
}

fn start(gate: &Gate, wait: Duration) -> Server {
    let config = Config::new().bodies_limit(1 << 20).queue_wait(wait);
    // A client that is refused sends to the end before it reads.
    let config = config
        .linger_limit(4 << 20)
        .linger_timeout(Duration::from_secs(30));
    let app = App::new()
        .config(config)
        .state(gate.clone())
        .admin_at("/_hybrid")
        .routes(routes![
            raw,
            raw_async,
            a_json,
            a_json_async,
            a_form,
            own,
            own_json
        ])
        .routes(routes![a_part, short, panics, refused]);
    Server::start(app)
}

// === The client ===

const JSON: &str = "application/json";

fn head(path: &str, kind: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: test\r\ncontent-type: {kind}\r\n\
         content-length: {length}\r\n\r\n"
    )
}

fn post(addr: SocketAddr, path: &str, kind: &str, body: &[u8]) -> Wire {
    let mut wire = Wire::to(addr);
    wire.write(head(path, kind, body.len()));
    // What is refused may be closed before it is sent.
    wire.try_write(body);
    wire
}

/// JSON of about so many bytes.
fn json_of(bytes: usize) -> Vec<u8> {
    let numbers = "123456,".repeat(bytes / 7);
    format!("[{}]", numbers.trim_end_matches(',')).into_bytes()
}

fn multipart_of(bytes: usize) -> Vec<u8> {
    let head = "--B\r\ncontent-disposition: form-data; name=a\r\n\r\n";
    [head.as_bytes(), &vec![b'x'; bytes], b"\r\n--B--\r\n"].concat()
}

/// Bytes that are counted, received and parsed.
fn held(addr: SocketAddr) -> (f64, f64) {
    let text = metrics(addr);
    let of = |state: &str| sample(&text, &format!("hybrid_bodies_bytes{{state=\"{state}\"}}"));
    (of("received"), of("parsed"))
}

fn metrics(addr: SocketAddr) -> String {
    let mut wire = Wire::to(addr);
    wire.ask("/_hybrid/metrics");
    wire.read().text().to_owned()
}

fn sample(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    let line = line.unwrap_or_else(|| panic!("no {series} in {text}"));
    line.trim().parse().unwrap()
}

#[track_caller]
fn overloaded(reply: &Reply) {
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert!(reply.text().contains("\"overloaded\""), "{}", reply.text());
    assert_eq!(reply.header("retry-after"), Some("1"));
}

/// Every way in which a body comes into memory, with one that needs more than half of
/// the room.
fn ways() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let raw = vec![b'x'; 600 * KIB];
    let form = [&b"text="[..], &raw].concat();
    let json = json_of(120 * KIB);
    vec![
        ("/raw", "text/plain", raw.clone()),
        ("/raw-async", "text/plain", raw.clone()),
        ("/own", "text/plain", raw),
        ("/json", JSON, json.clone()),
        ("/json-async", JSON, json.clone()),
        ("/own-json", JSON, json),
        ("/form", "application/x-www-form-urlencoded", form),
        (
            "/part",
            "multipart/form-data; boundary=B",
            multipart_of(600 * KIB),
        ),
    ]
}

/// Runs a test for all ways at once.
fn in_each_way(test: fn(&'static str, &'static str, Vec<u8>)) {
    let ways = ways();
    let count = ways.len();
    let threads = at_once(count, move |number| {
        let (path, kind, body) = ways[number].clone();
        test(path, kind, body);
    });
    join(threads);
}

// === Waiting ===

#[test]
fn a_body_for_which_there_is_no_room_is_refused() {
    in_each_way(|path, kind, body| {
        let gate = Gate::default();
        // Threads of the pool are waited for as long: this is enough for them.
        let server = start(&gate, Duration::from_secs(2));
        let mut first = post(server.addr, path, kind, &body);
        gate.wait_for(|counts| counts.begun == 1);
        let (received, parsed) = held(server.addr);
        assert!(received > 100_000.0, "{path}");
        assert!(received.max(parsed) > 520_000.0, "{path}");

        overloaded(&post(server.addr, path, kind, &body).read());
        let shed = format!(
            "hybrid_shed_total{{http_request_method=\"POST\",http_route=\"{path}\",\
             reason=\"bodies_limit\"}}"
        );
        assert_eq!(sample(&metrics(server.addr), &shed), 1.0, "{path}");

        gate.open();
        assert_eq!(first.read().status, 200, "{path}");
        // What was refused left nothing behind, and what ended neither.
        assert_eq!(post(server.addr, path, kind, &body).read().status, 200);
        eventually("all room is free", || held(server.addr) == (0.0, 0.0));
    });
}

#[test]
fn a_body_waits_for_room_within_queue_wait() {
    in_each_way(|path, kind, body| {
        let gate = Gate::default();
        let server = start(&gate, PATIENCE);
        let mut first = post(server.addr, path, kind, &body);
        gate.wait_for(|counts| counts.begun == 1);
        let mut second = post(server.addr, path, kind, &body);
        // A small body needs no room.
        let mut small = post(server.addr, "/raw", "text/plain", &[b'x'; 16 * KIB]);
        gate.wait_for(|counts| counts.begun == 2);
        gate.open();
        for wire in [&mut first, &mut second, &mut small] {
            assert_eq!(wire.read().status, 200, "{path}");
        }
        eventually("all room is free", || held(server.addr) == (0.0, 0.0));
    });
}

/// Alone it takes all the room, instead of waiting for more than there is.
#[test]
fn a_body_larger_than_the_limit_is_served_alone() {
    let gate = Gate::default();
    gate.open();
    let server = start(&gate, PATIENCE);
    let mut wire = post(server.addr, "/json", JSON, &json_of(2_000 * KIB));
    assert_eq!(wire.read().status, 200);
    eventually("all room is free", || held(server.addr) == (0.0, 0.0));
}

#[test]
fn a_body_without_a_length_is_counted_as_it_comes() {
    let gate = Gate::default();
    let server = start(&gate, PATIENCE);
    let mut wire = Wire::to(server.addr);
    wire.write("POST /raw HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n");
    let chunk = [&b"10000\r\n"[..], &[b'x'; 64 * KIB], b"\r\n"].concat();
    for chunks in 1..=4 {
        wire.write(&chunk);
        let least = (chunks * 64 * KIB) as f64;
        eventually("it is counted", || held(server.addr).0 >= least);
    }
    assert!(held(server.addr).0 <= (5 * 64 * KIB) as f64);
    gate.open();
    wire.write("0\r\n\r\n");
    assert_eq!(wire.read().text(), (4 * 64 * KIB).to_string());
    eventually("all room is free", || held(server.addr) == (0.0, 0.0));
}

// === Ends ===

#[test]
fn room_is_free_again_however_a_request_ends() {
    let gate = Gate::default();
    let server = start(&gate, PATIENCE);
    let addr = server.addr;
    let free = |why: &str| eventually(why, || held(addr) == (0.0, 0.0));

    let mut wire = Wire::to(addr);
    wire.write(head("/raw", "text/plain", 500 * KIB));
    wire.write(vec![b'x'; 100 * KIB]);
    eventually("it is counted", || held(addr).0 > 0.0);
    drop(wire);
    free("its client left in the middle of the body");

    let body = vec![b'x'; 600 * KIB];
    let first = post(addr, "/raw-async", "text/plain", &body);
    gate.wait_for(|counts| counts.begun == 1);
    let waits = post(addr, "/raw", "text/plain", &body);
    drop(waits);
    gate.open();
    drop(first);
    free("a client left while it waited for room");

    assert_eq!(
        post(addr, "/panics", "text/plain", &body).read().status,
        500
    );
    free("its handler panicked");

    let bad = format!("{{\"numbers\":[{}1]}}", "1,".repeat(50_000));
    let refused = post(addr, "/refused", JSON, bad.as_bytes()).read();
    assert_eq!(refused.status, 422, "{}", refused.text());
    free("its values were refused");
    let broken = vec![b'['; 100 * KIB];
    assert_eq!(post(addr, "/json", JSON, &broken).read().status, 400);
    free("it was no JSON");
    let large = vec![b'x'; 3_000 * KIB];
    assert_eq!(post(addr, "/raw", "text/plain", &large).read().status, 413);
    free("it was too large");
}

/// A client that has its 504 frees nothing that a thread still works on.
#[test]
fn room_is_held_by_what_outlives_its_deadline() {
    let gate = Gate::default();
    let server = start(&gate, PATIENCE);
    let body = vec![b'x'; 100 * KIB];
    // Where no thread came in time, it never ran.
    eventually("it runs, and beyond its time", || {
        let before = gate.counts().begun;
        let reply = post(server.addr, "/short", "text/plain", &body).read();
        assert_eq!(reply.status, 504, "{}", reply.text());
        gate.counts().begun > before
    });
    assert!(held(server.addr).0 >= (100 * KIB) as f64);
    gate.open();
    eventually("all room is free", || held(server.addr) == (0.0, 0.0));
}

// === For real ===

/// How long a handler holds its values, as one that asks a database does.
const HELD: Duration = Duration::from_secs(1);

#[post("/count")]
fn counted(Json(value): Json<Value>) -> String {
    std::thread::sleep(HELD);
    count(&value)
}

#[post("/count-async")]
async fn counted_async(Json(value): Json<Value>) -> String {
    tokio::time::sleep(HELD).await;
    count(&value)
}

#[get("/alive")]
async fn alive() -> &'static str {
    "alive"
}

/// The variable that names the control group which the program joins.
const GROUP: &str = "IT_MEMORY_GROUP";

#[test]
fn in_little_memory() {
    main_of(|| {
        if let Some(group) = std::env::var_os(GROUP) {
            let members = PathBuf::from(group).join("cgroup.procs");
            fs::write(members, std::process::id().to_string()).unwrap();
        }
        let config = Config::new().addr("127.0.0.1:0");
        let config = config
            .linger_limit(4 << 20)
            .linger_timeout(Duration::from_secs(30));
        App::new()
            .config(config)
            .admin_at("/_hybrid")
            .routes(routes![counted, counted_async, alive])
            .run()
    });
}

/// A control group with that much memory, where this system lets a test make one; gone
/// when it is dropped.
struct MemoryGroup(PathBuf);

impl MemoryGroup {
    fn new(bytes: usize) -> Option<Self> {
        let membership = fs::read_to_string("/proc/self/cgroup").ok()?;
        let root = PathBuf::from("/sys/fs/cgroup");
        membership.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, path) = (parts.next()?, parts.next()?.trim_start_matches('/'));
            let (parent, file) = match controllers {
                "" => (root.join(path), "memory.max"),
                "memory" => (root.join("memory").join(path), "memory.limit_in_bytes"),
                _ => return None,
            };
            let group = Self(parent.join(format!("hybrid-test-{}", std::process::id())));
            fs::create_dir(&group.0).ok()?;
            fs::write(group.0.join(file), bytes.to_string()).ok()?;
            Some(group)
        })
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // Its members have ended, and the system may take a moment to see it.
        eventually("the group is empty", || fs::remove_dir(&self.0).is_ok());
    }
}

/// 50 bodies of 2 MiB of JSON at once, in 200 MiB: their values would take 500.
#[test]
fn many_large_bodies_do_not_take_all_memory() {
    const MEMORY: usize = 200 << 20;
    let group = MemoryGroup::new(MEMORY);
    let limit = (MEMORY / 4).to_string();
    let variables = match &group {
        Some(group) => [(GROUP, group.0.to_str().unwrap())],
        // Without a group, at least the bound is looked at.
        None => [("HYBRID_BODIES_LIMIT", &*limit)],
    };
    let directory = tempfile::tempdir().unwrap();
    let program = Program::start(
        "wire::body_memory::in_little_memory",
        directory.path(),
        &variables,
    );
    let addr = program.listens();
    assert_eq!(
        sample(&metrics(addr), "hybrid_bodies_limit_bytes"),
        (MEMORY / 4) as f64
    );
    let body = json_of(2 << 20);
    let answers = at_once(50, move |number| {
        let path = ["/count", "/count-async"][number % 2];
        let reply = post(addr, path, JSON, &body).try_read();
        reply.map(|reply| (reply.status, reply.text().to_owned()))
    });
    let mut served = 0;
    for answer in join(answers) {
        let (status, text) = answer.expect("an answer");
        match status {
            200 => served += 1,
            503 => assert!(text.contains("\"overloaded\""), "{text}"),
            _ => panic!("{status} {text}"),
        }
    }
    assert!(served > 0);
    let mut wire = Wire::to(addr);
    wire.ask("/alive");
    assert_eq!(wire.read().text(), "alive");
    eventually("all room is free", || held(addr) == (0.0, 0.0));
    drop(program);
    drop(group);
}
