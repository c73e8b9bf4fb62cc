//! Bodies of every size, through messages and through shared memory.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use hybrid::prelude::*;

use super::{Trial, ask, code};
use crate::harness::{at_once, eventually, join, main_of};
use crate::timing::slow_clients;

// === The program ===

#[post("/echo", lane = process, body_limit = "64MiB")]
fn echo(body: Bytes) -> Bytes {
    body
}

#[post("/reversed", lane = process, body_limit = "64MiB")]
fn reversed(body: Bytes) -> Vec<u8> {
    body.iter().rev().copied().collect()
}

#[post("/hash", lane = process, body_limit = "64MiB")]
fn hash(body: Bytes) -> String {
    hash_of(&body)
}

/// A piece of the request, which may stay where it is.
#[post("/inner", lane = process, body_limit = "64MiB")]
fn inner(body: Bytes) -> Bytes {
    body.slice(body.len() / 4..body.len() / 4 * 3)
}

#[post("/grown/{bytes}", lane = process)]
fn grown(bytes: usize, body: Bytes) -> Vec<u8> {
    body.iter().copied().cycle().take(bytes).collect()
}

static KEPT: Mutex<Vec<Bytes>> = Mutex::new(Vec::new());

/// Keeps its request's bytes, and says what those are now that were kept before.
#[post("/keep", lane = process)]
fn keep(body: Bytes) -> String {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.push(body);
    let hashes: Vec<String> = kept.iter().map(|bytes| hash_of(bytes)).collect();
    hashes.join(" ")
}

#[post("/let-go", lane = process)]
fn let_go() {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

#[get("/next")]
async fn next() -> &'static str {
    "next"
}

#[test]
fn serving() {
    main_of(|| {
        let config = Config::new().addr("127.0.0.1:0");
        App::new()
            .admin_at("/_hybrid")
            // On a machine that is busy large bodies take their time.
            .config(config.queue_wait(Duration::from_secs(30)))
            .routes(routes![
                echo, reversed, hash, inner, grown, keep, let_go, next
            ])
            .run()
    });
}

// === The tests ===

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// FNV-1a, by words of eight: fast also without optimisation.
fn hash_of(bytes: &[u8]) -> String {
    let (words, rest) = bytes.as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let all = words.chain(rest.iter().map(|byte| u64::from(*byte)));
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", all.fold(0xcbf2_9ce4_8422_2325, mix))
}

/// Bytes in which no piece is like another.
fn body(bytes: usize, seed: usize) -> Vec<u8> {
    let words = (0..bytes.div_ceil(8)).map(|at| (at + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut body: Vec<u8> = words.flat_map(usize::to_le_bytes).collect();
    body.truncate(bytes);
    body
}

/// Around the border between messages and shared memory, and far above it.
#[test]
fn bodies_of_every_size_arrive_whole_and_come_back_whole() {
    let trial = Trial::start("bodies::serving", &[]);
    let limit = 64 * KIB;
    let sizes = [0, 1, 8 * KIB, 8 * KIB + 1, limit - 1, limit, limit + 1]
        .into_iter()
        .chain([MIB, MIB + 1, 50 * MIB]);
    for size in sizes {
        let sent = body(size, size);
        let check = |target: &str, wanted: &[u8]| {
            let reply = trial.post(target, &sent);
            assert_eq!(reply.status, 200, "{target} of {size}");
            assert!(reply.body == wanted, "{target} of {size}");
        };
        check("/hash", hash_of(&sent).as_bytes());
        check("/echo", &sent);
        check("/inner", &sent[size / 4..size / 4 * 3]);
        let reversed: Vec<u8> = sent.iter().rev().copied().collect();
        check("/reversed", &reversed);
    }
    eventually("what idle workers keep is little", || {
        trial.segment_bytes() <= 2 * 17 * MIB as u64
    });
}

/// Small requests with large answers: a segment that is asked for, and one that is
/// lent beforehand, which is then too small.
#[test]
fn answers_outgrow_their_requests() {
    let trial = Trial::start("bodies::serving", &[("HYBRID_MAX_PROCESSES", "1")]);
    for size in [
        10,
        20 * KIB,
        20 * KIB,
        100 * KIB,
        100 * KIB,
        3 * MIB,
        100 * KIB,
        64 * KIB,
        20 * MIB,
    ] {
        let reply = trial.post(&format!("/grown/{size}"), b"abc");
        let wanted: Vec<u8> = b"abc".iter().copied().cycle().take(size).collect();
        assert!(reply.status == 200 && reply.body == wanted, "{size}");
    }
}

/// Twenty clients, two workers: no client gets what is another's.
#[test]
fn many_large_bodies_at_once_are_kept_apart() {
    let trial = Trial::start("bodies::serving", &[]);
    let addr = trial.addr;
    let clients = at_once(20, move |number| {
        for turn in 0..5 {
            let size = (number * 5 + turn) * 37 * KIB;
            let sent = body(size, number);
            let reply = ask(addr, "POST", "/echo", &sent);
            assert!(reply.status == 200 && reply.body == sent, "{number} {turn}");
        }
    });
    join(clients);
    trial.calm();
}

/// A handler may keep its request: later ones are written elsewhere.
#[test]
fn what_a_handler_keeps_of_its_request_never_changes() {
    let trial = Trial::start("bodies::serving", &[("HYBRID_MAX_PROCESSES", "1")]);
    let mut hashes = Vec::new();
    for number in 0..8 {
        let sent = body(200 * KIB + number, number);
        hashes.push(hash_of(&sent));
        assert_eq!(trial.post("/keep", &sent).text(), hashes.join(" "));
        // A body in between, which is not kept.
        assert!(trial.post("/echo", &sent).body == sent);
    }
    let kept = trial.segment_bytes();
    assert!(kept >= 8 * 256 * KIB as u64, "{kept}");
    assert_eq!(trial.post("/let-go", b"").status, 204);
    // Returned with the next answers, and used again.
    for number in 0..8 {
        let sent = body(200 * KIB, number);
        assert!(trial.post("/echo", &sent).body == sent);
    }
    assert_eq!(trial.segment_bytes(), kept);
}

/// Shared memory is bounded: what finds none is refused, and the next one served.
#[test]
fn without_shared_memory_a_large_body_is_refused_and_a_small_one_served() {
    let trial = Trial::start("bodies::serving", &[("HYBRID_SEGMENT_LIMIT", "1MiB")]);
    let large = body(3 * MIB, 1);
    for (target, sent) in [("/echo", &large[..]), ("/grown/3000000", b"abc")] {
        let refused = trial.post(target, sent);
        assert_eq!(
            (refused.status, code(&refused)),
            (503, "overloaded".to_owned())
        );
    }
    let small = body(300 * KIB, 2);
    assert!(trial.post("/echo", &small).body == small);
    trial.calm();
}

/// What was refused before it was sent is nothing that a worker has served.
#[test]
fn a_call_that_never_reached_its_worker_is_not_counted() {
    let variables = [
        ("HYBRID_MAX_PROCESSES", "1"),
        ("HYBRID_SEGMENT_LIMIT", "1MiB"),
        ("HYBRID_WORKER_RECYCLE_REQUESTS", "3"),
    ];
    let trial = Trial::start("bodies::serving", &variables);
    let serve = || assert_eq!(trial.post("/let-go", b"").status, 204);
    serve();
    let large = body(3 * MIB, 1);
    for _ in 0..5 {
        assert_eq!(trial.post("/echo", &large).status, 503);
    }
    serve();
    assert_eq!(trial.ended("recycled"), 0);
    serve();
    eventually("it has served enough", || trial.ended("recycled") == 1);
}

#[test]
fn a_slow_reader_gets_all_of_what_a_worker_made() {
    let variables = [
        ("HYBRID_KEEP_ALIVE", slow_clients::SHORT),
        ("HYBRID_HEADER_TIMEOUT", slow_clients::SHORT),
        ("HYBRID_BODY_GRACE", slow_clients::SHORT),
    ];
    let trial = Trial::start("bodies::serving", &variables);
    // The pattern repeats itself after so many bytes.
    let body = slow_clients::pattern(251);
    let first = format!(
        "POST /grown/{} HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n",
        slow_clients::BYTES,
        body.len()
    );
    slow_clients::reads_slowly(trial.wire(), &first, &body);
}
