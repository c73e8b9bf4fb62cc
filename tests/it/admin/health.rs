//! Whether the program lives, and whether it is ready for requests.

use std::time::Duration;

use hybrid::prelude::*;

use super::endpoints::{app, refuse};
use crate::harness::{Server, eventually};

#[get("/inline", lane = inline)]
fn inline() -> &'static str {
    "inline"
}

#[test]
fn health_stands_alone_where_it_is_asked_for() {
    let app = App::new().health_at("/health").middleware(refuse);
    let server = Server::start(app.routes(routes![inline]));
    for (path, status, body) in [
        ("/health/live", 200, "live\n"),
        ("/health/ready", 200, "ready\n"),
        ("/health", 200, "ready\n"),
        ("/health/", 200, "ready\n"),
        ("/health/other", 404, ""),
        ("/health/routes", 404, ""),
        ("/inline", 403, ""),
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, status, "{path}");
        if status == 200 {
            assert_eq!(answer.text(), body);
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
    let refused = server.send("POST /health/live HTTP/1.1\r\nhost: test\r\n\r\n");
    assert_eq!(refused.status, 405);
}

#[test]
fn health_at_a_path_that_cannot_be_is_a_fault() {
    let check = |app: App, expected: &str| {
        let report = format!("{:?}", TestClient::new(app).check().unwrap_err());
        assert!(
            report.contains(expected),
            "{expected} is missing in {report}"
        );
        assert!(
            report.contains("`health_at` at tests/it/admin/health.rs:"),
            "{report}"
        );
    };
    let routes = || App::new().routes(routes![inline]);
    check(
        routes().health_at("/inline"),
        "/inline is among the health endpoints at /inline",
    );
    check(
        routes().health_at("health"),
        "`health` of the health endpoints must begin with `/`: write \"/health\"",
    );
    check(routes().health_at("/"), "write \"/health\"");
}

/// `/_hybrid/health/ready` on the application's own listener.
#[test]
fn ready_is_refused_as_soon_as_stopping_begins() {
    let config = Config::new().drain_delay(Duration::from_secs(60));
    let mut server = Server::start(app().config(config.shutdown_grace(Duration::from_secs(61))));
    let status = |path: &str| server.get(path).status;
    assert_eq!(status("/_hybrid/health/ready"), 200);
    server.ask_to_stop();
    eventually("it is not ready", || {
        server.get("/_hybrid/health/ready").status == 503
    });
    assert_eq!(server.get("/_hybrid/health/live").status, 200);
    assert_eq!(server.get("/api/hello/Ada").status, 200);
}
