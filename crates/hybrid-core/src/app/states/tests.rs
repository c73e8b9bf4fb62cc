//! What the start makes, and what it refuses of process routes.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering},
};

use http_body_util::BodyExt as _;
use hybrid_engine::{clock, ticket::Cancel};
use tokio::runtime::{Handle, Runtime};

use super::*;
use crate::{
    app::{
        App, BuiltApp, RouteEntry, Routes,
        build::{Built, build, settings},
    },
    body::Body,
    config::Config,
    context::{Parts, SharedReservation},
    dispatch::{Endpoint, Work, on_pool, on_process},
    error::Error,
    extract::{Extension, Guard, State},
    head::{Head, Matched, PathValues, Peer, RequestHead},
    server::Application as _,
    spec::RouteSpec,
};

#[test]
fn the_start_makes_what_this_process_takes() {
    use TakenBy::{NoRoute, OtherRoutes, ProcessRoutes};
    let check = |start: StatesToMake, expected: [bool; 3]| {
        let made = [NoRoute, ProcessRoutes, OtherRoutes].map(|taken_by| start.makes(taken_by));
        assert_eq!(made, expected, "{start:?}");
    };
    check(StatesToMake::Everything, [true, true, true]);
    check(StatesToMake::WhatThisProcessTakes, [true, false, true]);
    check(StatesToMake::Nothing, [false, false, false]);
}

// === Routes, as the macros would make them ===

fn resize() -> Endpoint {
    on_process((Guard::<State<u32>>::NEW,), |(State(n),): (State<u32>,)| {
        n.to_string()
    })
}

fn show() -> Endpoint {
    on_pool((Guard::<State<u32>>::NEW,), |(State(n),): (State<u32>,)| {
        n.to_string()
    })
}

fn who() -> Endpoint {
    on_process(
        (Guard::<Extension<u8>>::NEW,),
        |(Extension(n),): (Extension<u8>,)| n.to_string(),
    )
}

type Made = (&'static str, fn() -> Endpoint);

fn routes<const N: usize>(of: [Made; N]) -> Routes {
    Routes::new(of.map(|(path, endpoint)| RouteEntry {
        spec: RouteSpec::new(&path[1..], &["GET"], path).at("src/routes.rs", 7, "routes"),
        endpoint,
    }))
}

fn built(mut app: App, purpose: Purpose, runtime: &Runtime) -> Result<Built, Error> {
    // As `run` says it, whose `main` is a worker's too.
    app.processes.by_run = true;
    let configured = settings(&app.config, Purpose::Testing);
    build(app, configured, purpose, runtime.handle())
}

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}

fn get(app: &Arc<BuiltApp>, path: &str, runtime: &Runtime) -> (u16, String) {
    let (head, ()) = http::Request::get(path).body(()).unwrap().into_parts();
    let answer = BuiltApp::call(
        &BuiltApp::connect(app),
        RequestHead::new(head, Peer::default()),
        Body::empty(),
    );
    runtime.block_on(async {
        let answer = answer.await;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    })
}

/// As [`get`], inside a worker process: the first route's endpoint answers a call.
fn call_in_worker(app: &Arc<BuiltApp>, path: &str, runtime: &Runtime) -> (u16, String) {
    let _context = runtime.enter();
    let (http, ()) = http::Request::get(path).body(()).unwrap().into_parts();
    let app = BuiltApp::connect(app);
    let matched = Matched {
        route: Arc::clone(&app.context().routes()[0]),
        values: PathValues::default(),
    };
    let work = Work {
        parts: Parts {
            head: Head::new(RequestHead::new(http, Peer::default()), Some(matched)),
            context: app.context().clone(),
            lane: Lane::Process,
            received: clock::now(),
            cancel: Cancel::default(),
            reservation: SharedReservation::default(),
        },
        body: Body::empty(),
        deadline: None,
    };
    let response = app.endpoint(0).work(work).response;
    let status = response.status().as_u16();
    let body = response.into_body().try_into_bytes().unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

// === When states are made ===

#[test]
fn a_state_that_process_routes_alone_take_is_made_on_first_use() {
    let runtime = runtime();
    let check = |of: Routes, purpose: Purpose, processes: usize, at_start: usize| {
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let make = move || {
            count.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(7_u32)
        };
        let config = Config::new().max_processes(processes);
        let app = App::new().config(config).state_with(make).routes(of);
        let built = built(app, purpose, &runtime).unwrap();
        assert_eq!(made.load(Ordering::Relaxed), at_start, "{purpose:?}");
        let asked = built
            .app
            .context()
            .routes()
            .first()
            .map(|route| route.states.get());
        assert_eq!(asked, Some(Some(&7_u32)));
        assert_eq!(made.load(Ordering::Relaxed), 1);
    };
    let alone = || routes([("/resize", resize)]);
    let both = || routes([("/resize", resize), ("/show", show)]);
    check(alone(), Purpose::Mounting, 2, 0);
    check(alone(), Purpose::Mounting, 0, 1);
    check(both(), Purpose::Mounting, 2, 1);
    check(alone(), Purpose::Testing, 2, 1);
    check(both(), Purpose::Worker, 2, 0);
    // No route says that it takes it.
    let unused = routes([("/unused", || on_pool((), |()| ""))]);
    check(unused, Purpose::Mounting, 2, 1);
}

/// The group's own is another state than the app's, which another route takes.
#[test]
fn a_state_that_shadows_another_is_taken_by_its_own_routes() {
    let runtime = runtime();
    let fails = || Err::<u32, _>("this is for workers");
    let group = |group: crate::app::Group| {
        group
            .state_with(fails)
            .routes(routes([("/resize", resize)]))
    };
    let app = App::new()
        .group("/inner", group)
        .state_with(|| Ok::<_, Infallible>(7_u32))
        .routes(routes([("/show", show)]));
    let built = built(app, Purpose::Mounting, &runtime).unwrap();
    assert_eq!(get(&built.app, "/show", &runtime), (200, "7".to_owned()));
}

#[test]
fn states_are_made_in_the_order_given_and_their_faults_stand_with_their_groups() {
    let runtime = runtime();
    let app = App::new()
        .group("inner", |group| {
            group.state_with(|| -> Result<u8, &str> { panic!("third") })
        })
        .state_with(|| Err::<u32, _>("first"))
        .state_with_async(|| async {
            assert!(Handle::try_current().is_ok());
            Err::<u64, _>("second")
        })
        .routes(routes([("/who", who)]));
    let error = built(app, Purpose::Testing, &runtime)
        .map(|_| ())
        .unwrap_err();
    let lines: Vec<_> = error.lines().collect();
    let expected = [
        "the state of type `u32` could not be made: first",
        "the state of type `u64` could not be made: second",
        "`who` takes",
        "the prefix `inner` must begin",
        "the state of type `u8` could not be made: its constructor panicked: third",
    ];
    assert_eq!(lines.len(), expected.len(), "{error:?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.contains(expected), "{error:?}");
    }
}

#[test]
fn a_state_that_cannot_be_made_is_a_500_that_does_not_say_why() {
    let runtime = runtime();
    let check = |make: fn() -> Result<u32, &'static str>| {
        let app = App::new()
            .state_with(make)
            .routes(routes([("/resize", resize)]));
        let built = built(app, Purpose::Worker, &runtime).unwrap();
        for _ in 0..2 {
            let (status, text) = call_in_worker(&built.app, "/resize", &runtime);
            assert_eq!(status, 500);
            assert!(text.contains("internal_error"), "{text}");
            assert!(!text.contains("secret"), "{text}");
        }
    };
    check(|| Err("secret: no database"));
    check(|| panic!("secret: no disk"));
}

// === What a process route cannot take ===

#[track_caller]
fn check_faults(app: App, purpose: Purpose, expected: &[&[&str]]) {
    let outcome = built(app, purpose, &runtime());
    let lines: Vec<String> = match outcome {
        Ok(_) => Vec::new(),
        Err(error) => error.lines().collect(),
    };
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, texts) in lines.iter().zip(expected) {
        for text in *texts {
            assert!(line.contains(text), "{text} in {line}");
        }
    }
}

#[test]
fn a_process_route_cannot_take_a_value_that_was_given() {
    let app = || App::new().routes(routes([("/resize", resize)]));
    let line = line!() + 1;
    let outer = |app: App| app.state(1_u32);
    let outer_at = format!("given at {}:{line}", file!());
    let texts: &[&str] = &[
        "`resize` runs in a worker process, which cannot have the value of `State<u32>` \
         that `.state(..)` gives: write `.state_with(|| ..)`",
        "`resize` at src/routes.rs:7",
        &outer_at,
    ];
    check_faults(outer(app()), Purpose::Mounting, &[texts]);
    check_faults(outer(app()), Purpose::Testing, &[]);
    let on_the_pool = app().config(Config::new().max_processes(0));
    check_faults(outer(on_the_pool), Purpose::Mounting, &[]);
    // The nearest group's is the one that counts.
    let within = |with: fn(crate::app::Group) -> crate::app::Group| {
        let group = move |group| with(group).routes(routes([("/resize", resize)]));
        outer(App::new()).group("/inner", group)
    };
    let constructed = within(|group| group.state_with(|| Ok::<_, Infallible>(2_u32)));
    check_faults(constructed, Purpose::Mounting, &[]);
    let line = line!() + 1;
    let inner = within(|group| group.state(2_u32));
    let inner_at = format!("given at {}:{line}", file!());
    check_faults(inner, Purpose::Mounting, &[&[&inner_at]]);
}

#[test]
fn a_state_that_a_test_replaced_is_no_fault() {
    let mut app = App::new().routes(routes([("/resize", resize)]));
    app.root = app.root.state(1_u32);
    assert!(app.root.replace_state(&2_u32));
    check_faults(app, Purpose::Mounting, &[]);
}

#[test]
fn a_process_route_cannot_take_an_extension() {
    for purpose in [Purpose::Mounting, Purpose::Testing, Purpose::Worker] {
        let app = App::new().routes(routes([("/who", who)]));
        let texts: &[&str] = &[
            "`who` takes `Extension<u8>`, which a layer puts into the request and which \
             cannot cross to a worker process: send it in a header, or take it from a `State`",
            "`who` at src/routes.rs:7",
        ];
        check_faults(app, purpose, &[texts]);
    }
}
