//! Workers that lie: what they send is no answer, an answer to something else, or
//! more than one. The server believes nothing that it has not checked, kills them,
//! and goes on.
//!
//! The handler that lies takes its worker's socket by its number, and says what it
//! likes; the messages are written out here once more, as a stranger would write
//! them.

use std::{
    io::IoSlice,
    mem::MaybeUninit,
    os::fd::{AsFd as _, OwnedFd},
    sync::atomic::{AtomicU64, Ordering},
};

use hybrid::prelude::*;
use rustix::{
    net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, send, sendmsg},
    process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open},
};
use serde::Serialize;

use super::{Trial, code};
use crate::programs::main_of;

// === What a worker may say ===

#[derive(Serialize)]
enum Word<'a> {
    Ready(u32, u64, Vec<&'a str>),
    Want(u64, u64),
    Answer(Answer<'a>),
    Piece(u64, &'a [u8], bool),
}

#[derive(Serialize)]
struct Answer<'a> {
    call: u64,
    status: u16,
    headers: Vec<(&'a str, &'a [u8])>,
    ran: Option<Ran>,
    refused: Vec<u8>,
    body: Body<'a>,
    returned: Vec<u32>,
    retires: bool,
}

/// The wall's time, and what it was made of.
type Ran = (u64, Option<(u64, u64, u64)>);

#[derive(Serialize)]
enum Body<'a> {
    Inline(&'a [u8]),
    Segment(u32, u64, u64),
}

fn answer(call: u64) -> Answer<'static> {
    Answer {
        call,
        status: 200,
        headers: Vec::new(),
        ran: None,
        refused: Vec::new(),
        body: Body::Inline(b"forged"),
        returned: Vec::new(),
        retires: false,
    }
}

// === The program ===

/// The calls that this worker has had, which is the number of the present one.
static CALLS: AtomicU64 = AtomicU64::new(0);

#[get("/well", lane = process)]
fn well() -> &'static str {
    CALLS.fetch_add(1, Ordering::Relaxed);
    "well"
}

/// Says something, and answers afterwards, as if nothing had been.
#[post("/lie/{kind}", lane = process)]
fn lie(kind: String, _body: Bytes) -> &'static str {
    let call = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    let socket = calls();
    let say = |bytes: &[u8]| {
        send(&socket, bytes, SendFlags::NOSIGNAL).unwrap();
    };
    let tell = |word: Word<'_>| say(&postcard::to_allocvec(&word).unwrap());
    let good = || answer(call);
    let with_body = |body| Word::Answer(Answer { body, ..good() });
    match kind.as_str() {
        "noise" => say(&[0xff; 100]),
        "nothing_known" => say(&[17]),
        "cut" => {
            let whole = postcard::to_allocvec(&Word::Answer(good())).unwrap();
            say(&whole[..whole.len() - 1]);
        }
        "more_behind" => {
            let mut more = postcard::to_allocvec(&Word::Answer(good())).unwrap();
            more.push(0);
            say(&more);
        }
        "too_long" => say(&[2; 200 * 1024]),
        "other_call" => tell(Word::Answer(answer(call + 7))),
        "earlier_call" => tell(Word::Answer(answer(call - 1))),
        "ready_again" => tell(Word::Ready(1, 0, vec!["again"])),
        "piece" => tell(Word::Piece(call, b"reserved", true)),
        "status_99" => tell(Word::Answer(Answer {
            status: 99,
            ..good()
        })),
        "status_700" => tell(Word::Answer(Answer {
            status: 700,
            ..good()
        })),
        "header" => tell(Word::Answer(Answer {
            headers: vec![("a\nb", b"c")],
            ..good()
        })),
        "second_line" => tell(Word::Answer(Answer {
            headers: vec![("a", b"b\r\nset-cookie: c=d")],
            ..good()
        })),
        "source" => tell(Word::Answer(Answer {
            refused: vec![200],
            ..good()
        })),
        "inline_too_large" => tell(with_body(Body::Inline(&[1; 100 * 1024]))),
        "no_such_segment" => tell(with_body(Body::Segment(9, 0, 10))),
        "behind_the_end" => tell(with_body(Body::Segment(0, 0, 1 << 40))),
        "across_the_end" => tell(with_body(Body::Segment(0, (2 << 20) - 1, 2))),
        "round_the_world" => tell(with_body(Body::Segment(0, u64::MAX - 5, 10))),
        "returns_what_it_had_not" => tell(Word::Answer(Answer {
            returned: vec![9],
            ..good()
        })),
        "returns_twice" => tell(Word::Answer(Answer {
            returned: vec![0, 0],
            ..good()
        })),
        "wants_for_another" => tell(Word::Want(call + 1, 10)),
        "wants_twice" => {
            tell(Word::Want(call, 10));
            tell(Word::Want(call, 10));
        }
        "answers_before" => tell(Word::Answer(good())),
        "descriptors" => attach(
            &socket,
            &postcard::to_allocvec(&Word::Answer(good())).unwrap(),
        ),
        other => panic!("no such lie: {other}"),
    }
    "as if nothing had been"
}

/// The worker's end of its calls, once more.
fn calls() -> OwnedFd {
    let me = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    pidfd_getfd(&me, 3, PidfdGetfdFlags::empty()).unwrap()
}

/// Sends a message with a descriptor that nobody asked for.
fn attach(socket: &OwnedFd, message: &[u8]) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds = [socket.as_fd()];
    control.push(SendAncillaryMessage::ScmRights(&fds));
    sendmsg(
        socket,
        &[IoSlice::new(message)],
        &mut control,
        SendFlags::NOSIGNAL,
    )
    .unwrap();
}

#[get("/event")]
async fn on_event() -> &'static str {
    "event"
}

#[test]
fn serving() {
    main_of(|| {
        let config = Config::new().addr("127.0.0.1:0").max_processes(1);
        App::new()
            .admin_at("/_hybrid")
            .config(config.queue_wait(std::time::Duration::from_secs(30)))
            .routes(routes![well, lie, on_event])
            .run()
    });
}

// === The server ===

fn trial() -> Trial {
    Trial::start("lies::serving", &[("HYBRID_MAX_PROCESSES", "1")])
}

/// The lies that are found out at once.
const FOUND_OUT: &[&str] = &[
    "noise",
    "nothing_known",
    "cut",
    "more_behind",
    "too_long",
    "other_call",
    "earlier_call",
    "ready_again",
    "piece",
    "status_99",
    "status_700",
    "header",
    "second_line",
    "source",
    "inline_too_large",
    "no_such_segment",
    "behind_the_end",
    "across_the_end",
    "round_the_world",
    "returns_what_it_had_not",
    "returns_twice",
    "wants_for_another",
    "wants_twice",
];

/// Proves that each lie is found out, costs its own request and its worker, and
/// leaves nothing behind for the next request.
#[test]
fn a_lie_costs_its_request_and_its_worker() {
    let trial = trial();
    let held = {
        assert_eq!(trial.get("/well").status, 200);
        trial.holdings()
    };
    // Large enough to lie in shared memory, which has the number 0 in a new worker.
    let body = vec![7; 1 << 20];
    for lie in FOUND_OUT {
        let (before, [worker]) = (trial.worker_pids(), [trial.workers()[0].restarts]);
        let reply = trial.post(&format!("/lie/{lie}"), &body);
        assert_eq!(
            (reply.status, &*code(&reply)),
            (500, "worker_crashed"),
            "{lie}"
        );
        let next = trial.get("/well");
        assert_eq!((next.status, next.text()), (200, "well"), "after {lie}");
        assert_ne!(trial.worker_pids(), before, "after {lie}");
        assert_eq!(trial.workers()[0].restarts, worker + 1, "after {lie}");
    }
    assert_eq!(trial.get("/event").status, 200);
    trial.calm();
    let now = trial.holdings();
    assert!(now.files <= held.files + 2, "{now:?} instead of {held:?}");
}

/// Proves that what a worker says behind its answer is not taken for the answer of
/// the next request.
#[test]
fn an_answer_behind_the_answer_harms_nobody() {
    let trial = trial();
    for lie in ["answers_before", "descriptors"] {
        let forged = trial.post(&format!("/lie/{lie}"), b"");
        // Whatever its handler said first is its answer.
        assert_eq!((forged.status, forged.text()), (200, "forged"), "{lie}");
        for _ in 0..3 {
            let next = trial.get("/well");
            assert_eq!((next.status, next.text()), (200, "well"), "after {lie}");
        }
    }
}
