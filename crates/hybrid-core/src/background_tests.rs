//! What each of the threads that serve an application does after a panic of its own.
//! The pool's thread starter, the supervisor of workers, the sweeper and the log's writer
//! have theirs beside them.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use hybrid_engine::{
    background::{fail, fail_on_this_thread},
    clock,
};
use tokio::runtime::Runtime;

use crate::{
    admin::AdminServer,
    app::{App, Purpose, build_app},
    config::Config,
};

const LONG: Duration = Duration::from_secs(60);

fn eventually(mut holds: impl FnMut() -> bool) {
    let until = clock::now() + LONG;
    while !holds() {
        assert!(clock::now() < until, "it never came to that");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn the_balancer_ticks_on_and_with_it_far_deadlines() {
    let runtime = Runtime::new().unwrap();
    let built = build_app(App::new(), Purpose::Testing, runtime.handle()).unwrap();
    let failing = fail("hybrid-balancer");
    let ticks = || built.app.context().balancer().published().ticks;
    let before = ticks();
    // Between two ticks lies the beginning of a turn, which fails once.
    eventually(|| ticks() >= before + 3);
    assert!(failing.count() > 0);
}

#[test]
fn the_admin_endpoints_answer_again() {
    let runtime = Runtime::new().unwrap();
    let built = build_app(App::new(), Purpose::Testing, runtime.handle()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let addr = listener.local_addr().unwrap();
    let failing = fail("admin listener");
    let _context = runtime.enter();
    let admin = AdminServer::start(built.app.context(), listener);
    let mut client = TcpStream::connect(addr).unwrap();
    client.set_read_timeout(Some(LONG)).unwrap();
    let request = "GET /health/live HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
    client.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(failing.count() > 0);
    runtime.block_on(admin.stop());
}

#[test]
fn a_panic_where_connections_are_accepted_ends_the_server_with_an_error() {
    let runtime = Runtime::new().unwrap();
    fail_on_this_thread("accepting");
    let served = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        App::new().config(Config::new()).serve(listener).await
    });
    let report = format!("{:?}", served.unwrap_err());
    assert!(
        report.starts_with("the server panicked and ends\n"),
        "{report}"
    );
}
