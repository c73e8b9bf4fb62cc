//! Who reaches the admin endpoints: a token, warnings for those that are open, and a
//! listener of their own, which is there to the end of a stop.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use hybrid::prelude::*;
use rustix::process::Signal;

use super::endpoints::{ADMIN, app};
use crate::harness::{Program, Reply, Server, Wire, eventually, main_of};

/// Asks for a path with those `authorization` headers: the status, and the challenge.
type Ask<'a> = &'a dyn Fn(&str, &[&str]) -> (u16, Option<String>);

#[test]
fn with_a_token_all_that_holds_data_asks_for_it() {
    let check = |ask: Ask<'_>| {
        let refused = (401, Some("Bearer".to_owned()));
        for path in ["/routes", "/lanes", "/metrics", "/nothing", "/routes/"] {
            assert_eq!(ask(path, &[]), refused, "{path}");
        }
        for wrong in [
            "Bearer",
            "Bearer ",
            "Bearer s3cre",
            "Bearer s3cret-",
            "Basic s3cret",
            "s3cret",
        ] {
            assert_eq!(ask("/metrics", &[wrong]), refused, "{wrong}");
        }
        // Which of two is meant, nobody knows.
        let two = ["Bearer s3cret", "Bearer other"];
        assert_eq!(ask("/metrics", &two), refused);
        for right in ["Bearer s3cret", "bearer  s3cret"] {
            assert_eq!(ask("/metrics", &[right]), (200, None), "{right}");
        }
        assert_eq!(ask("/nothing", &["Bearer s3cret"]).0, 404);
        for open in ["/health/live", "/health/ready", "/"] {
            assert_eq!(ask(open, &[]), (200, None), "{open}");
        }
    };
    let config = || Config::new().admin_token("s3cret");
    let client = TestClient::new(app().config(config()).health_at("/health"));
    check(&|path, authorization| {
        let request = client.get(format!("{ADMIN}{path}"));
        let request = authorization.iter().fold(request, |request, value| {
            request.header("authorization", value)
        });
        let answer = request.send();
        let challenge = answer.header("www-authenticate").map(str::to_owned);
        (answer.status().as_u16(), challenge)
    });
    assert_eq!(client.get("/health/live").send().status(), 200);

    let directory = tempfile::tempdir().unwrap();
    let variables = [
        ("HYBRID_ADMIN", "127.0.0.1:0"),
        ("HYBRID_ADMIN_TOKEN", "s3cret"),
    ];
    let program = Program::start("app::programs::serving", directory.path(), &variables);
    let admin = program.says("admin endpoints on http://").parse().unwrap();
    check(&|path, authorization| {
        let lines: String = authorization
            .iter()
            .map(|value| format!("authorization: {value}\r\n"))
            .collect();
        let mut wire = Wire::to(admin);
        wire.write(format!("GET {path} HTTP/1.1\r\nhost: test\r\n{lines}\r\n"));
        let answer = wire.read();
        let challenge = answer.header("www-authenticate").map(str::to_owned);
        (answer.status, challenge)
    });
}

#[test]
fn a_token_is_in_no_message() {
    let bad = Config::new().admin_token("not a token");
    let report = format!("{:?}", TestClient::new(app().config(bad.clone())).check());
    assert!(report.contains("`admin_token` must be letters"), "{report}");
    assert!(!format!("{report} {bad:?}").contains("not a token"));
}

#[test]
fn admin_endpoints_that_are_open_to_others_warn() {
    let directory = tempfile::tempdir().unwrap();
    let check = |variables: &[(&str, &str)], warns: bool| {
        let program = Program::start("admin::listener::with_admin", directory.path(), variables);
        program.listens();
        program.signal(Signal::TERM);
        let log = program.ended().log;
        assert_eq!(log.contains("set `admin_token`"), warns, "{log}");
    };
    check(&[("HYBRID_ADDR", "0.0.0.0:0")], true);
    check(&[("HYBRID_ADDR", "127.0.0.1:0")], false);
    check(
        &[("HYBRID_ADDR", "0.0.0.0:0"), ("HYBRID_ADMIN_TOKEN", "t")],
        false,
    );
    let own = [
        ("HYBRID_ADDR", "127.0.0.1:0"),
        ("HYBRID_ADMIN", "0.0.0.0:0"),
    ];
    let program = Program::start("admin::listener::with_admin", directory.path(), &own);
    program.says("set `admin_token`");
}

#[test]
fn with_admin() {
    main_of(|| App::new().admin_at(ADMIN).run());
}

#[test]
fn the_listener_of_their_own_is_there_to_the_end_of_a_stop() {
    let variables = [
        ("HYBRID_ADMIN", "127.0.0.1:0"),
        ("HYBRID_DRAIN_DELAY", "3s"),
    ];
    let directory = tempfile::tempdir().unwrap();
    let program = Program::start("app::programs::serving", directory.path(), &variables);
    let admin = program.says("admin endpoints on http://").parse().unwrap();
    let addr = program.listens();
    let ask = |path: &str| {
        let mut wire = Wire::to(admin);
        wire.ask(path);
        wire.read()
    };
    let mut kept = Wire::to(admin);
    kept.ask("/");
    assert_eq!(kept.read().status, 200);
    check_paths_of(&ask);
    assert_eq!(
        (ask("/health/live").status, ask("/health/ready").status),
        (200, 200)
    );
    assert!(ask("/routes").text().contains("/sleep-async/{ms}"));
    // The application itself has none of them.
    let mut wire = Wire::to(addr);
    wire.ask("/health/live");
    assert_eq!(wire.read().status, 404);

    let mut running = Wire::to(addr);
    running.ask("/stand/told");
    eventually("it runs", || {
        ask("/metrics").text().contains(
            "http_server_active_requests{http_request_method=\"GET\",http_route=\"/stand/{file}\"} 1",
        )
    });
    let asked = Instant::now();
    program.signal(Signal::TERM);
    eventually("it is not ready", || ask("/health/ready").status == 503);
    assert_eq!(ask("/health/ready").text(), "stopping\n");
    assert_eq!(ask("/health/live").status, 200);
    // While the application is draining, and when it accepts no more.
    let mut wire = Wire::to(addr);
    wire.ask("/sleep-async/1");
    assert_eq!(wire.read().status, 200);
    eventually("it listens no more", || {
        std::net::TcpStream::connect(addr).is_err()
    });
    assert_eq!(ask("/health/live").status, 200);
    assert_eq!(ask("/health/ready").status, 503);
    std::fs::write(directory.path().join("told"), "").unwrap();
    assert_eq!(running.read().status, 200);
    let ended = program.ended();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    assert!(
        asked.elapsed() < Duration::from_secs(20),
        "{:?}",
        asked.elapsed()
    );
    assert!(kept.is_closed());
}

fn check_paths_of(ask: &impl Fn(&str) -> Reply) {
    for (path, status) in [("/", 200), ("/lanes/", 200), ("/_hybrid/lanes", 404)] {
        assert_eq!(ask(path).status, status, "{path}");
    }
}

#[test]
fn their_address_is_checked_with_everything_else() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap();
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = holder.local_addr().unwrap();
    let config = Config::new().admin(addr);
    let report = Server::start(app().config(config).admin_at("x"))
        .stop()
        .unwrap_err();
    let lines: Vec<String> = report.lines().collect();
    assert_eq!(lines.len(), 2, "{report:?}");
    assert!(
        lines[0].contains("`x` of the admin endpoints"),
        "{report:?}"
    );
    let expected = format!("`admin`: {addr} cannot be listened on: ");
    assert!(lines[1].starts_with(&expected), "{report:?}");

    let twice = taken.to_string();
    let variables = [("HYBRID_ADDR", &*twice), ("HYBRID_ADMIN", &*twice)];
    let ended = Program::start("app::programs::serving", Path::new("."), &variables).ended();
    let expected = format!("`addr` and `admin` are both {taken}");
    assert!(ended.log.contains(&expected), "{}", ended.log);
    let bad = app().config(Config::new().admin("nowhere"));
    let bad = TestClient::new(bad).check().unwrap_err();
    assert!(format!("{bad:?}").contains("`admin` must be an address and a port"));
}
