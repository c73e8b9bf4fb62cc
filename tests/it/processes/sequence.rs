//! Any sequence of deaths, deadlines, disconnects and signals: every client that
//! stays gets exactly one answer, of a kind that what happened allows, and the lane
//! is as good as new afterwards.

use std::{
    cell::Cell,
    thread::{self, JoinHandle},
    time::Duration,
};

use hybrid::prelude::*;
use proptest::{
    prelude::*,
    test_runner::{Config as Cases, TestCaseError, TestRunner},
};
use rustix::process::Signal;

use super::{Trial, kill, request};
use crate::harness::{Wire, main_of};

// === The program ===

#[get("/nap/{number}", lane = process, timeout = "60s")]
fn work(number: u64) -> String {
    thread::sleep(Duration::from_millis(number % 20));
    number.to_string()
}

/// Begins, and never ends by itself.
#[get("/hang/{number}", lane = process, timeout = "150ms")]
fn hang(number: u64) {
    thread::sleep(Duration::from_secs(60 + number));
}

#[get("/abort/{_number}", lane = process, timeout = "60s")]
fn abort() {
    std::process::abort();
}

#[get("/exit/{_number}", lane = process, timeout = "60s")]
fn exit() {
    std::process::exit(0);
}

#[get("/event")]
async fn on_event() -> &'static str {
    "event"
}

#[test]
fn serving() {
    main_of(|| {
        let config = Config::new().addr("127.0.0.1:0");
        App::new()
            .admin_at("/_hybrid")
            // Machines that are busy take their time to start workers.
            .config(config.queue_wait(Duration::from_secs(60)))
            .routes(routes![work, hang, abort, exit, on_event])
            .run()
    });
}

// === What happens ===

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Work,
    Hang,
    Abort,
    Exit,
    /// A client that asks and leaves.
    Leave,
    /// A signal from outside, to one of the workers.
    Kill(usize),
    Stop(usize),
    /// What was begun is waited for.
    Join,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => Just(Event::Work),
        1 => Just(Event::Hang),
        1 => Just(Event::Abort),
        1 => Just(Event::Exit),
        1 => Just(Event::Leave),
        1 => (0_usize..2).prop_map(Event::Kill),
        1 => (0_usize..2).prop_map(Event::Stop),
        2 => Just(Event::Join),
    ];
    prop::collection::vec(event, 1..16)
}

/// A client that stays, and what it may be told.
struct Client {
    reply: JoinHandle<u16>,
    allowed: &'static [u16],
}

impl Client {
    /// Asks; a second request on the same connection shows that the first had one
    /// answer, and that it was whole.
    fn begin(trial: &Trial, target: String, allowed: &'static [u16]) -> Self {
        let addr = trial.addr;
        let reply = thread::spawn(move || {
            let mut wire = Wire::to(addr);
            wire.write(request("GET", &target, b""));
            let status = wire.read().status;
            wire.write(request("GET", "/event", b""));
            let next = wire.read();
            assert_eq!((next.status, next.text()), (200, "event"));
            status
        });
        Self { reply, allowed }
    }

    fn join(self) -> Result<(), TestCaseError> {
        let status = self.reply.join().expect("one whole answer");
        prop_assert!(
            self.allowed.contains(&status),
            "{status}, not {:?}",
            self.allowed
        );
        Ok(())
    }
}

fn happen(trial: &Trial, events: &[Event], numbers: &Cell<u64>) -> Result<(), TestCaseError> {
    let is_signal = |event: &Event| matches!(event, Event::Kill(_) | Event::Stop(_));
    // Whoever works while its worker is killed from outside fails; and whoever waits
    // for one that is killed before it was ready, where there is no other.
    let (of_work, of_death, of_hang): (&[u16], &[u16], &[u16]) = match events.iter().any(is_signal)
    {
        true => (&[200, 500, 503], &[500, 503], &[500, 503, 504]),
        false => (&[200], &[500], &[504]),
    };
    let mut clients = Vec::new();
    for event in events {
        let number = numbers.get() + 1;
        numbers.set(number);
        let mut begin = |route: &str, allowed| {
            clients.push(Client::begin(trial, format!("/{route}/{number}"), allowed));
        };
        match *event {
            Event::Work => begin("nap", of_work),
            // Killed from outside, or at its deadline, in the queue as well.
            Event::Hang => begin("hang", of_hang),
            Event::Abort => begin("abort", of_death),
            Event::Exit => begin("exit", of_death),
            Event::Leave => {
                let mut wire = Wire::to(trial.addr);
                wire.write(request("GET", &format!("/nap/{number}"), b""));
            }
            Event::Kill(which) | Event::Stop(which) => {
                let signal = match event {
                    Event::Kill(_) => Signal::KILL,
                    _ => Signal::STOP,
                };
                if let Some(pid) = trial.worker_pids().get(which) {
                    kill(*pid, signal);
                }
            }
            Event::Join => {
                for client in std::mem::take(&mut clients) {
                    client.join()?;
                }
            }
        }
    }
    clients.into_iter().try_for_each(Client::join)
}

/// Proves that exactly one answer comes, whatever happens to workers, and that the
/// lane recovers from all of it.
#[test]
fn whatever_happens_each_request_has_one_answer() {
    let trial = Trial::start("sequence::serving", &[]);
    let mut runner = TestRunner::new(Cases {
        cases: 10,
        failure_persistence: None,
        max_shrink_iters: 64,
        ..Cases::default()
    });
    // One program for all cases: what one of them spoils, the next one finds.
    let number = Cell::new(0);
    let outcome = runner.run(&events(), |events| {
        happen(&trial, &events, &number)?;
        trial.calm();
        let reply = trial.get("/nap/0");
        prop_assert_eq!((reply.status, reply.text()), (200, "0"));
        prop_assert!(
            trial.children().len() <= 2,
            "no more workers than are allowed"
        );
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
