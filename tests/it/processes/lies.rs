//! Workers that lie: what comes over a worker's socket is believed to be nothing but
//! bytes, and what lies in shared memory too.
//!
//! A handler is inside of its worker and can do whatever it wants to. Here it takes
//! the very socket on which its worker answers, and says what no worker says. The
//! types are those of the protocol, written down once more.

use std::{
    fs::{self, OpenOptions},
    io::{IoSlice, Write as _},
    mem::MaybeUninit,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::process::parent_id,
    },
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use hybrid::prelude::*;
use rustix::{
    fs::FallocateFlags,
    net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown},
    process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open},
};
use serde::Serialize;

use super::{Trial, code, request, tell, wait_for_file};
use crate::harness::{PATIENCE, main_of};

// === What a worker says ===

#[derive(Serialize)]
enum FromWorker {
    Ready(Ready),
    Want {
        call: u64,
        bytes: u64,
    },
    Answer(Answer),
    Piece {
        call: u64,
        bytes: Vec<u8>,
        is_last: bool,
    },
}

#[derive(Serialize)]
struct Ready {
    version: u32,
    fingerprint: u64,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Answer {
    call: u64,
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    ran: Option<()>,
    refused: Vec<u8>,
    body: AnswerBody,
    returned: Vec<u32>,
    retires: bool,
    has_output: bool,
    failure: Option<String>,
}

#[derive(Serialize)]
enum AnswerBody {
    Inline(Vec<u8>),
    Segment { id: u32, offset: u64, bytes: u64 },
}

fn answer(call: u64) -> Answer {
    Answer {
        call,
        status: 200,
        headers: Vec::new(),
        ran: None,
        refused: Vec::new(),
        body: AnswerBody::Inline(b"lied".to_vec()),
        returned: Vec::new(),
        retires: false,
        has_output: false,
        failure: None,
    }
}

// === The program ===

/// The worker's own end of the socket, once more.
fn socket() -> OwnedFd {
    let this = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    pidfd_getfd(this, 3, PidfdGetfdFlags::empty()).unwrap()
}

/// A call's number is how many came before it: so every handler here asks.
fn number() -> u64 {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    CALLS.fetch_add(1, Ordering::Relaxed) + 1
}

fn say(socket: &OwnedFd, bytes: &[u8]) {
    // The server may have closed it by now.
    let _ = rustix::net::send(socket, bytes, SendFlags::NOSIGNAL);
}

fn encoded(message: &FromWorker) -> Vec<u8> {
    postcard::to_allocvec(message).unwrap()
}

fn say_with_files(socket: &OwnedFd, bytes: &[u8]) {
    let files: Vec<fs::File> = (0..3)
        .map(|_| fs::File::open("/proc/self/exe").unwrap())
        .collect();
    let files: Vec<_> = files.iter().map(|file| file.as_fd()).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&files)));
    let parts = [IoSlice::new(bytes)];
    rustix::net::sendmsg(socket, &parts, &mut control, SendFlags::NOSIGNAL).unwrap();
}

#[post("/lie/{how}", lane = process, body_limit = "8MiB")]
fn lie(how: String, body: Bytes) {
    let (socket, call) = (socket(), number());
    let ours = |change: &dyn Fn(&mut Answer)| {
        let mut answer = answer(call);
        change(&mut answer);
        encoded(&FromWorker::Answer(answer))
    };
    let want = |call, bytes| encoded(&FromWorker::Want { call, bytes });
    let in_segment =
        |id, offset, bytes| ours(&|answer| answer.body = AnswerBody::Segment { id, offset, bytes });
    let header = |name: &str, value: &[u8]| {
        ours(&|answer| answer.headers.push((name.to_owned(), value.to_vec())))
    };
    let length = body.len() as u64;
    match how.as_str() {
        "noise" => say(&socket, &[0xff; 100]),
        "nothing-known" => say(&socket, &[17]),
        "long-noise" => say(&socket, &[0x02; 100_000]),
        "too-long" => say(&socket, &[0x02; 200_000]),
        "empty" => say(&socket, &[]),
        "shut" => rustix::net::shutdown(&socket, Shutdown::Both).unwrap(),
        "trailing" => say(&socket, &[&ours(&|_| ())[..], &[0]].concat()),
        "half" => say(&socket, &ours(&|_| ())[..5]),
        "another-call" => say(&socket, &ours(&|answer| answer.call += 7)),
        "earlier-call" => say(&socket, &ours(&|answer| answer.call -= 1)),
        "status-99" => say(&socket, &ours(&|answer| answer.status = 99)),
        "status-101" => say(&socket, &ours(&|answer| answer.status = 101)),
        "header-name" => say(&socket, &header("a b", b"c")),
        "header-value" => say(&socket, &header("a", b"b\r\nc: d")),
        "many-headers" => say(
            &socket,
            &ours(&|answer| answer.headers = vec![("a".to_owned(), Vec::new()); 300]),
        ),
        "refused-from-nowhere" => say(&socket, &ours(&|answer| answer.refused = vec![200])),
        "too-large" => say(
            &socket,
            &ours(&|answer| answer.body = AnswerBody::Inline(vec![1; 100_000])),
        ),
        "unknown-segment" => say(&socket, &in_segment(99, 0, 1)),
        "too-many-bytes" => say(&socket, &in_segment(0, 0, 1 << 40)),
        "past-the-end" => say(&socket, &in_segment(0, length.next_power_of_two() - 1, 2)),
        "no-end" => say(&socket, &in_segment(0, u64::MAX, 2)),
        "returns-unknown" => say(&socket, &ours(&|answer| answer.returned = vec![77])),
        "returns-twice" => say(&socket, &ours(&|answer| answer.returned = vec![0, 0])),
        "wants-twice" => (0..2).for_each(|_| say(&socket, &want(call, 100_000))),
        "wants-for-another" => say(&socket, &want(call + 1, 100_000)),
        "piece" => say(
            &socket,
            &encoded(&FromWorker::Piece {
                call,
                bytes: vec![1],
                is_last: true,
            }),
        ),
        "ready" => say(
            &socket,
            &encoded(&FromWorker::Ready(Ready {
                version: 2,
                fingerprint: 0,
                notes: Vec::new(),
            })),
        ),
        "noise-with-files" => say_with_files(&socket, &[0xff; 9]),
        other => panic!("no such lie: {other}"),
    }
    // What it would answer in earnest is not waited for.
    thread::sleep(PATIENCE);
}

/// Lies that the server cannot know for such, followed by what it can.
#[post("/lie-well/{how}/{name}", lane = process)]
fn lie_well(how: String, name: String) -> &'static str {
    let (socket, call) = (socket(), number());
    let ours = encoded(&FromWorker::Answer(answer(call)));
    match how.as_str() {
        "twice" => (0..2).for_each(|_| say(&socket, &ours)),
        "with-files" => {
            say_with_files(&socket, &ours);
            say(&socket, &ours);
        }
        "afterwards" => {
            thread::spawn(move || {
                wait_for_file(&format!("{name}-answered"));
                say(&socket, &ours);
                tell(&name, "said");
            });
            return "true";
        }
        "frames" => {
            let mut answer = answer(call);
            for (name, value) in [("content-length", "2"), ("transfer-encoding", "chunked")] {
                answer
                    .headers
                    .push((name.to_owned(), value.as_bytes().to_vec()));
            }
            answer.body = AnswerBody::Inline(b"ok\r\nHTTP/1.1 200 OK\r\n\r\n".to_vec());
            say(&socket, &encoded(&FromWorker::Answer(answer)));
        }
        other => panic!("no such lie: {other}"),
    }
    tell(&name, "said");
    "true"
}

/// Writes and punches holes wherever the server has shared memory, and answers with
/// what is left there.
#[post("/scribble", lane = process, body_limit = "8MiB")]
fn scribble(body: Bytes) -> Response {
    number();
    let (mut found, mut resized) = (0, 0);
    for entry in fs::read_dir(format!("/proc/{}/fd", parent_id())).unwrap() {
        let path = entry.unwrap().path();
        let is_segment =
            |link: std::path::PathBuf| link.to_string_lossy().contains("hybrid-segment");
        if !fs::read_link(&path).is_ok_and(is_segment) {
            continue;
        }
        let mut file = OpenOptions::new().write(true).open(&path).unwrap();
        let size = file.metadata().unwrap().len();
        file.write_all(&[0x5a; 100_000]).unwrap();
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        rustix::fs::fallocate(&file, hole, 4096, size - 4096).unwrap();
        found += 1;
        resized += usize::from(file.set_len(0).is_ok() || file.set_len(size * 2).is_ok());
    }
    let counts = format!("{found} found, {resized} resized");
    ([("x-counts", counts)], body).into_response()
}

#[get("/well", lane = process)]
fn well() -> String {
    number();
    std::process::id().to_string()
}

#[test]
fn serving() {
    main_of(|| {
        let config = Config::new().addr("127.0.0.1:0");
        App::new()
            .admin_at("/_hybrid")
            // On a machine that is busy a worker may take its time to start.
            .config(config.queue_wait(Duration::from_secs(30)))
            .routes(routes![lie, lie_well, scribble, well])
            .run()
    });
}

// === The tests ===

/// Nothing of it is answered: a 500, the worker is killed, the next one serves.
#[test]
fn a_lie_costs_its_request_and_its_worker() {
    let trial = Trial::start("lies::serving", &[("HYBRID_MAX_PROCESSES", "1")]);
    let files = trial.holdings().files;
    let large = vec![7; 200_000];
    for (how, said) in [
        ("noise", "not a message"),
        ("nothing-known", "not a message"),
        ("long-noise", "answered rubbish"),
        ("too-long", "the message is too long"),
        ("empty", "died of it"),
        ("shut", "died of it"),
        ("trailing", "1 bytes too many"),
        ("half", "not a message"),
        ("another-call", "call 10 instead of 3"),
        ("earlier-call", "call 2 instead of 3"),
        ("status-99", "status 99"),
        ("status-101", "status 101"),
        ("header-name", "a header named"),
        ("header-value", "the value of header `a`"),
        ("many-headers", "not a message"),
        (
            "refused-from-nowhere",
            "a value was refused that came from nowhere",
        ),
        ("too-large", "a body of 100000 bytes in the message"),
        ("unknown-segment", "bytes outside of its segments"),
        ("too-many-bytes", "bytes outside of its segments"),
        ("past-the-end", "bytes outside of its segments"),
        ("no-end", "a range without an end"),
        ("returns-unknown", "a segment that it did not have"),
        ("returns-twice", "a segment that it did not have"),
        ("wants-twice", "a message out of turn"),
        ("wants-for-another", "a message out of turn"),
        ("piece", "a message out of turn"),
        ("ready", "a message out of turn"),
        ("noise-with-files", "not a message"),
    ] {
        let liar = trial.get("/well").text().to_owned();
        let reply = trial.post(&format!("/lie/{how}"), &large);
        assert_eq!(
            (reply.status, code(&reply).as_str()),
            (500, "worker_crashed"),
            "{how}"
        );
        // It was found out for what it is.
        let error = trial.program.says("error=\"`lie`: ");
        assert!(error.contains(said), "{how}: {error}");
        let next = trial.get("/well");
        assert_eq!(next.status, 200, "{how}");
        assert_ne!(next.text(), liar, "{how}");
    }
    trial.calm();
    // The only worker's.
    let more = trial.holdings().files.saturating_sub(files);
    assert!(more < 12, "{more} files more than before");
}

/// What cannot be told from an answer is one, and what follows it is found when the
/// worker is used next: by then nobody's request is in it.
#[test]
fn an_answer_behind_the_answer_harms_nobody() {
    let trial = Trial::start("lies::serving", &[("HYBRID_MAX_PROCESSES", "1")]);
    for (how, answered) in [
        ("twice", "lied"),
        ("with-files", "lied"),
        ("afterwards", "true"),
        ("twice", "lied"),
    ] {
        for turn in 0..3 {
            let liar = trial.get("/well").text().to_owned();
            let name = format!("{how}-{answered}-{turn}-{liar}");
            let reply = trial.post(&format!("/lie-well/{how}/{name}"), b"");
            assert_eq!((reply.status, reply.text()), (200, answered), "{how}");
            fs::write(trial.file(&format!("{name}-answered")), "").unwrap();
            trial.told(&name);
            let next = trial.get("/well");
            assert_eq!(next.status, 200, "{how}");
            assert_ne!(next.text(), liar, "{how}");
        }
    }
}

/// Where an answer ends is for the server to say: a worker cannot put another one
/// into its body.
#[test]
fn a_worker_does_not_frame_its_answers() {
    let trial = Trial::start("lies::serving", &[]);
    let mut wire = trial.wire();
    wire.write(request("POST", "/lie-well/frames/framed", b""));
    let reply = wire.read();
    assert_eq!(reply.text(), "ok\r\nHTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(reply.header("transfer-encoding"), None);
    trial.told("framed");
    wire.write(request("GET", "/well", b""));
    assert!(wire.read().text().parse::<u32>().is_ok());
}

/// Neither holes nor scribbles in shared memory harm the server, and nobody resizes
/// it.
#[test]
fn shared_memory_that_changes_under_the_server_harms_nobody() {
    let trial = Trial::start("lies::serving", &[]);
    for turn in 0..5 {
        let reply = trial.post("/scribble", &vec![turn; 3 << 20]);
        assert_eq!((reply.status, reply.body.len()), (200, 3 << 20));
        let counts = reply.header("x-counts").unwrap();
        assert!(
            !counts.starts_with('0') && counts.ends_with(" 0 resized"),
            "{counts}"
        );
        assert_eq!((reply.body[0], reply.body[3_000_000]), (0x5a, 0));
    }
    assert_eq!(trial.get("/well").status, 200);
    assert!(trial.workers().iter().all(|worker| worker.restarts == 0));
}
