//! The metrics: that both formats say what they should, read by a strict parser,
//! and that the numbers add up whatever becomes of requests.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use hybrid::{
    observability::{METRICS, MetricKind},
    prelude::*,
};

use super::exposition::{Format, Metrics};
use crate::harness::{BOOM, Gate, Server, Wire, at_once, eventually, join};

// === The application ===

#[get("/hello/{name}")]
async fn hello(name: String) -> String {
    name
}

#[get("/plain")]
fn plain(#[query(ge = 2, default = 2)] n: u32, #[header] x_count: Option<u32>) -> String {
    format!("{n}{x_count:?}")
}

#[route("/both", methods = [PUT, POST])]
async fn both() -> &'static str {
    "both"
}

#[get("/fails/{status}")]
async fn fails(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap()
}

#[get("/panics")]
async fn panics() {
    panic!("{BOOM}");
}

#[get("/panics-plain")]
fn panics_plain() {
    panic!("{BOOM}");
}

#[get("/stand")]
fn stand(State(gate): State<Gate>) -> &'static str {
    gate.stand();
    "through"
}

#[post("/stand-async")]
async fn stand_async(State(gate): State<Gate>) -> &'static str {
    gate.stand_async().await;
    "through"
}

#[get("/late", timeout = "20ms")]
async fn late(State(gate): State<Gate>) -> &'static str {
    gate.stand_async().await;
    "through"
}

/// A path with everything that is escaped in a label.
#[get("/od%22d/%5C/%0A")]
async fn odd() -> &'static str {
    "odd"
}

fn app(gate: &Gate) -> App {
    App::new()
        .admin_at("/_hybrid")
        .state(gate.clone())
        .layer(tower::layer::util::Identity::new())
        .routes(routes![hello, plain, both, fails, stand_async, late, odd])
        .group("/inner", |group| {
            group
                .layer(tower::layer::util::Identity::new())
                .routes(routes![panics, panics_plain, stand])
        })
}

fn metrics(server: &Server) -> Metrics {
    let answer = server.get("/_hybrid/metrics");
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    Metrics::parse(answer.text(), Format::Prometheus)
}

fn open_metrics(server: &Server) -> Metrics {
    let accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
    let answer = server.send(&format!(
        "GET /_hybrid/metrics HTTP/1.1\r\nhost: test\r\naccept: {accept}\r\n\r\n"
    ));
    assert_eq!(
        answer.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    Metrics::parse(answer.text(), Format::OpenMetrics)
}

const DURATION: &str = "http_server_request_duration_seconds_count";
const ACTIVE: &str = "http_server_active_requests";

// === The tests ===

#[test]
fn both_formats_are_well_formed_and_say_the_same() {
    let server = Server::start(app(&Gate::default()));
    for path in [
        "/hello/Ada",
        "/plain",
        "/plain?n=1",
        "/fails/503",
        "/nothing",
    ] {
        server.get(path);
    }
    let (first, second) = (metrics(&server), open_metrics(&server));
    for metric in METRICS {
        let base = match metric.kind {
            MetricKind::Counter => metric.name.strip_suffix("_total").unwrap(),
            _ => metric.name,
        };
        let family = &second.families[base];
        assert_eq!(family.unit.as_deref().unwrap_or(""), metric.unit);
        assert_eq!(family.help, metric.help);
        let plain = &first.families[metric.name];
        assert_eq!(plain.kind, family.kind);
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        assert_eq!(plain.kind, kind);
        for sample in plain.samples.iter().chain(&family.samples) {
            for label in sample.labels.keys().filter(|label| *label != "le") {
                assert!(metric.labels.contains(&label.as_str()), "{sample:?}");
            }
        }
        // What moves by itself between the two: a pool thread goes to rest after its
        // answer was sent.
        let moves = metric.name.starts_with("process_") || metric.name == "hybrid_pool_threads";
        if !moves {
            assert_eq!(plain.samples, family.samples);
        }
    }
    assert_eq!(first.families.len(), METRICS.len());
    assert_eq!(second.families.len(), METRICS.len());
}

#[test]
fn requests_are_told_apart_by_route_method_lane_and_status() {
    let server = Server::start(app(&Gate::default()));
    let send = |method: &str, path: &str| {
        server
            .send(&format!(
                "{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n"
            ))
            .status
    };
    for _ in 0..3 {
        assert_eq!(send("GET", "/hello/Ada"), 200);
    }
    assert_eq!(send("PUT", "/both"), 200);
    assert_eq!(send("GET", "/fails/503"), 503);
    assert_eq!(send("GET", "/inner/panics"), 500);
    assert_eq!(send("GET", "/inner/panics-plain"), 500);
    assert_eq!(send("GET", "/od%22d/%5C/%0A"), 200);
    assert_eq!(
        server
            .send("GET /plain?n=1 HTTP/1.1\r\nhost: t\r\nx-count: x\r\n\r\n")
            .status,
        422
    );
    assert_eq!(send("GET", "/late"), 504);
    let metrics = metrics(&server);
    let check = |labels: &[(&str, &str)], expected: f64| {
        assert_eq!(metrics.sum(DURATION, labels), expected, "{labels:?}");
    };
    check(
        &[
            ("http_route", "/hello/{name}"),
            ("http_request_method", "GET"),
            ("http_response_status_code", "200"),
            ("hybrid_lane", "event"),
            ("url_scheme", "http"),
        ],
        3.0,
    );
    check(
        &[("http_route", "/both"), ("http_request_method", "PUT")],
        1.0,
    );
    check(&[("http_route", "/both")], 1.0);
    check(
        &[("http_route", "/fails/{status}"), ("error_type", "503")],
        1.0,
    );
    check(
        &[("http_route", "/inner/panics"), ("error_type", "500")],
        1.0,
    );
    check(
        &[
            ("http_route", "/inner/panics-plain"),
            ("hybrid_lane", "pool"),
            ("http_response_status_code", "500"),
        ],
        1.0,
    );
    check(
        &[
            ("http_route", "/late"),
            ("http_response_status_code", "504"),
        ],
        1.0,
    );
    check(&[("http_route", "/od%22d/%5C/%0A")], 1.0);
    check(&[("error_type", "422")], 0.0);
    let refused = "hybrid_validation_errors_total";
    for source in ["query", "header"] {
        let labels = [("http_route", "/plain"), ("in", source)];
        assert_eq!(metrics.sum(refused, &labels), 1.0);
    }
    assert_eq!(metrics.sum(refused, &[]), 2.0);
    assert_eq!(metrics.sum(ACTIVE, &[]), 0.0);
    let hello = [("http_route", "/hello/{name}")];
    let le = [("http_route", "/hello/{name}"), ("le", "10.0")];
    assert_eq!(
        metrics.sum("http_server_request_duration_seconds_bucket", &le),
        3.0
    );
    let seconds = metrics.sum("http_server_request_duration_seconds_sum", &hello);
    assert!(seconds > 0.0 && seconds < 10.0);
    // The first run of a route is sampled.
    assert!(metrics.sum("hybrid_cpu_seconds_count", &hello) >= 1.0);
    assert_eq!(metrics.sum("hybrid_queue_seconds_count", &hello), 0.0);
}

/// Unknown paths, methods, queries, headers: what a client makes up is nowhere.
#[test]
fn a_label_never_carries_what_a_client_sent() {
    let server = Server::start(app(&Gate::default()));
    let before: BTreeSet<String> = series(&metrics(&server));
    for request in [
        "GET /sent-by-client HTTP/1.1\r\nhost: sent-by-client\r\nsent-by-client: x\r\n\r\n",
        "GET /hello/sent-by-client?sent-by-client=x HTTP/1.1\r\nhost: test\r\n\r\n",
        "SENTBYCLIENT / HTTP/1.1\r\nhost: test\r\n\r\n",
        "SENTBYCLIENT /hello/x HTTP/1.1\r\nhost: test\r\n\r\n",
        "POST /hello/x HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n",
        "GET /plain?n=sent-by-client HTTP/1.1\r\nhost: test\r\n\r\n",
        "GET /x%zz HTTP/1.1\r\nhost: test\r\n\r\n",
        "GET /hello/x HTTP/1.1\r\n\r\n",
        "GET /_hybrid/sent-by-client HTTP/1.1\r\nhost: test\r\n\r\n",
    ] {
        assert!(server.send(request).status < 500, "{request}");
    }
    // Every status that there is, more than are told apart.
    for status in (200..=599).filter(|status| ![204, 205, 304].contains(status)) {
        assert_eq!(server.get(&format!("/fails/{status}")).status, status);
    }
    let answer = server.get("/_hybrid/metrics");
    let text = answer.text().to_lowercase();
    assert!(
        !text.contains("sent") || !text.contains("client\""),
        "{text}"
    );
    assert!(!text.contains("sentbyclient") && !text.contains("sent-by-client"));
    let metrics = metrics(&server);
    assert_eq!(
        metrics.sum(
            DURATION,
            &[("http_route", ""), ("http_request_method", "_OTHER")]
        ),
        2.0
    );
    assert_eq!(
        metrics.sum(
            DURATION,
            &[("http_route", ""), ("http_request_method", "POST")]
        ),
        1.0
    );
    assert_eq!(
        metrics.sum(
            DURATION,
            &[("http_route", ""), ("http_request_method", "GET")]
        ),
        3.0
    );
    let fails = [("http_route", "/fails/{status}")];
    let codes: BTreeSet<&str> = metrics
        .samples(DURATION, &fails)
        .map(|sample| sample.labels["http_response_status_code"].as_str())
        .collect();
    assert_eq!(codes.len(), 17, "{codes:?}");
    assert!(codes.contains("other"));
    assert_eq!(metrics.sum(DURATION, &fails), 397.0);
    let known = [
        "http_request_method",
        "http_route",
        "http_response_status_code",
        "url_scheme",
        "hybrid_lane",
        "error_type",
        "le",
        "in",
        "reason",
        "state",
        "from",
        "to",
    ];
    for family in metrics.families.values() {
        for label in family
            .samples
            .iter()
            .flat_map(|sample| sample.labels.keys())
        {
            assert!(known.contains(&label.as_str()), "{label}");
        }
    }
    assert!(!before.is_empty());
}

fn series(metrics: &Metrics) -> BTreeSet<String> {
    let samples = metrics.families.values().flat_map(|family| &family.samples);
    samples
        .map(|sample| format!("{} {:?}", sample.name, sample.labels))
        .collect()
}

/// All at once: answers of every kind, panics, clients that leave while their
/// request runs and while it waits. Afterwards everything that came has ended,
/// once.
#[test]
fn counts_add_up_whatever_becomes_of_requests() {
    const CLIENTS: usize = 16;
    const ROUNDS: usize = 40;
    let gate = Gate::default();
    let config = Config::new()
        .max_threads(2)
        .queue_depth(4)
        .queue_wait(Duration::from_millis(200));
    let server = Arc::new(Server::start(app(&gate).config(config)));
    let addr = server.addr;
    let clients = at_once(CLIENTS, move |client| {
        let mut answers: BTreeMap<(&str, u16), usize> = BTreeMap::new();
        let mut left: BTreeMap<&str, usize> = BTreeMap::new();
        for round in 0..ROUNDS {
            let (method, path, route) = [
                ("GET", "/hello/x", "/hello/{name}"),
                ("GET", "/plain?n=3", "/plain"),
                ("GET", "/plain?n=1", "/plain"),
                ("GET", "/inner/panics", "/inner/panics"),
                ("GET", "/inner/panics-plain", "/inner/panics-plain"),
                ("GET", "/inner/stand", "/inner/stand"),
                ("POST", "/stand-async", "/stand-async"),
                ("GET", "/late", "/late"),
                ("GET", "/nowhere", ""),
            ][(client + round) % 9];
            let mut wire = Wire::to(addr);
            wire.write(format!(
                "{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n"
            ));
            if path.contains("stand") {
                // Leaves without waiting for the answer, which may be a refusal.
                *left.entry(route).or_default() += 1;
                drop(wire);
            } else {
                *answers.entry((route, wire.read().status)).or_default() += 1;
            }
        }
        (answers, left)
    });
    let mut answers: BTreeMap<(&str, u16), usize> = BTreeMap::new();
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for (of_one, left_of_one) in join(clients) {
        for (key, count) in of_one {
            *answers.entry(key).or_default() += count;
        }
        for (key, count) in left_of_one {
            *left.entry(key).or_default() += count;
        }
    }
    gate.open();
    eventually("everything has ended", || {
        metrics(&server).sum(ACTIVE, &[]) == 0.0
    });
    let metrics = metrics(&server);
    for ((route, status), count) in &answers {
        let labels = [
            ("http_route", *route),
            ("http_response_status_code", &*status.to_string()),
        ];
        assert_eq!(
            metrics.sum(DURATION, &labels),
            *count as f64,
            "{route} {status}"
        );
    }
    for (route, count) in &left {
        // A connection may be closed before the server has read the request.
        let ended = metrics.sum(DURATION, &[("http_route", *route)]);
        assert!(ended <= *count as f64, "{route}: {ended} of {count}");
    }
    assert!(metrics.sum(DURATION, &[("error_type", "client_left")]) >= 1.0);
    let answered: usize = answers.values().sum();
    let ended = metrics.sum(DURATION, &[]);
    assert!(ended >= answered as f64 && ended <= (CLIENTS * ROUNDS) as f64);
    // The same, as the routes tell it.
    let routes = server.get("/_hybrid/routes");
    let routes: Vec<serde_json::Value> = serde_json::from_slice(&routes.body).unwrap();
    for route in &routes {
        let path = route["path"].as_str().unwrap();
        let method = route["method"].as_str().unwrap();
        let labels = [("http_route", path), ("http_request_method", method)];
        let requests = route["requests"].as_u64().unwrap() as f64;
        assert_eq!(requests, metrics.sum(DURATION, &labels), "{method} {path}");
        let errors: usize = answers
            .iter()
            .filter(|((route, status), _)| *route == path && *status >= 500)
            .map(|(_, count)| count)
            .sum();
        if !path.contains("stand") {
            assert_eq!(route["errors"], errors, "{path}");
        }
        assert_eq!(route["in_flight"], 0, "{path}");
    }
}

#[get("/alone", max_concurrency = 1)]
async fn alone(State(gate): State<Gate>) -> &'static str {
    gate.stand_async().await;
    "through"
}

/// A refusal is a 503 and counted once, with its reason.
#[test]
fn refusals_are_counted_by_reason() {
    let gate = Gate::default();
    let config = Config::new()
        .max_threads(2)
        .queue_depth(1)
        .queue_wait(Duration::from_millis(300));
    let app = App::new().admin_at("/_hybrid").state(gate.clone());
    let server = Arc::new(Server::start(
        app.config(config).routes(routes![stand, alone]),
    ));
    let addr = server.addr;
    let ask = move |path: &str| {
        let mut wire = Wire::to(addr);
        wire.ask(path);
        wire
    };
    let mut first = ask("/alone");
    gate.wait_for(|counts| counts.begun == 1);
    assert_eq!(ask("/alone").read().status, 503);
    let (say, hear) = std::sync::mpsc::channel();
    let clients = at_once(20, move |_| {
        say.send(ask("/stand").read().status).unwrap();
    });
    // All but two or, once a reserved thread is there, three: those run.
    assert!(hear.iter().take(17).all(|status| status == 503));
    gate.open();
    join(clients);
    assert_eq!(first.read().status, 200);
    let refused = 17 + hear.iter().filter(|status| *status == 503).count();
    let metrics = metrics(&server);
    let shed = |labels: &[(&str, &str)]| metrics.sum("hybrid_shed_total", labels);
    let alone = [("http_route", "/alone"), ("reason", "max_concurrency")];
    assert_eq!(shed(&alone), 1.0);
    assert_eq!(shed(&[("http_route", "/alone")]), 1.0);
    assert_eq!(shed(&[("http_route", "/stand")]), refused as f64);
    let full = [("http_route", "/stand"), ("reason", "queue_full")];
    assert!(shed(&full) >= 1.0);
    let answered = [
        ("http_route", "/stand"),
        ("http_response_status_code", "503"),
    ];
    assert_eq!(metrics.sum(DURATION, &answered), refused as f64);
    let routes = server.get("/_hybrid/routes");
    let routes: Vec<serde_json::Value> = serde_json::from_slice(&routes.body).unwrap();
    assert_eq!(
        (&routes[0]["shed"], &routes[1]["shed"]),
        (&refused.into(), &1.into())
    );
}
