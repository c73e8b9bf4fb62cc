//! What runs in worker processes: on the pool where that shows enough, and as the
//! programs that users start.

use std::{io::Cursor, thread};

use hybrid::prelude::*;
use image::{DynamicImage, ImageFormat, RgbImage};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, pidfd_open},
};
use serde_json::Value;

use crate::answers::refused;
use crate::process::{Server, binary};
use crate::programs::{dangerous, own_main, showcase, thumbnail};

// === thumbnail ===

/// An image that does not get much smaller by its format: 3 bytes a pixel.
fn noise(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let mut state = 1_u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let image = RgbImage::from_fn(width, height, |_, _| [byte(), byte(), byte()].into());
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(image)
        .write_to(&mut bytes, format)
        .expect("an image");
    bytes.into_inner()
}

#[track_caller]
fn check_thumbnail(client: &TestClient, lane: Lane, image: Vec<u8>, size: (u32, u32)) {
    let request = client.post("/thumbnail").query("width", size.0);
    let answer = request.body(image).send();
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(
        (answer.lane(), answer.header("content-type")),
        (lane, Some("image/png"))
    );
    let png = image::load_from_memory_with_format(answer.bytes(), ImageFormat::Png);
    let png = png.expect("a PNG");
    assert_eq!((png.width(), png.height()), size);
}

fn check_thumbnails(client: &TestClient, lane: Lane) {
    check_thumbnail(client, lane, noise(64, 48, ImageFormat::Png), (16, 12));
    check_thumbnail(client, lane, noise(64, 96, ImageFormat::Jpeg), (32, 48));
    // Above 64 KiB: in memory that server and worker share.
    check_thumbnail(client, lane, noise(200, 200, ImageFormat::Png), (20, 20));

    let mut cut = noise(64, 48, ImageFormat::Png);
    cut.truncate(cut.len() / 2);
    for broken in [b"no image at all".to_vec(), Vec::new(), cut] {
        let answer = client.post("/thumbnail").body(broken).send();
        assert_eq!((answer.status().as_u16(), answer.lane()), (422, lane));
        assert_eq!(answer.json::<Value>()["code"], "unprocessable");
    }
    let wide = client.post("/thumbnail?width=2000").body("image");
    assert_eq!(refused(wide), [r#"["query","width"] le"#]);
    let large = client.post("/thumbnail").body(vec![0; 20_000_001]).send();
    assert_eq!(large.status(), 413);
}

#[test]
fn thumbnails_are_made_on_the_pool() {
    check_thumbnails(&TestClient::new(thumbnail::app()), Lane::Pool);
}

#[test]
fn thumbnails_are_made_in_worker_processes() {
    let client = TestClient::new(thumbnail::app()).worker_binary(binary("thumbnail"));
    check_thumbnails(&client, Lane::Process);
}

// === dangerous ===

#[test]
fn what_is_dangerous_does_well_on_the_pool_as_long_as_it_does_well() {
    let client = TestClient::new(dangerous::app());
    let well = client.get("/library/well").send();
    let text = format!("well, in process {}", std::process::id());
    assert_eq!((well.text(), well.lane()), (text.as_str(), Lane::Pool));
    assert_eq!(client.get("/library/nothing").send().status(), 404);
    assert_eq!(client.get("/").send().lane(), Lane::Event);
}

/// The process that says so at the end of its answer.
#[track_caller]
fn pid_in(answer: &str) -> u32 {
    let pid = answer.trim_end().rsplit(' ').next().unwrap_or_default();
    pid.parse().unwrap_or_else(|_| panic!("no pid: {answer}"))
}

#[track_caller]
fn assert_answer(answer: &str, status: u16, code: &str) {
    assert!(
        answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(code),
        "{answer}"
    );
}

#[test]
fn a_dangerous_library_harms_one_request() {
    let server = Server::start("dangerous");
    let first = pid_in(&server.get("/library/well"));
    assert_ne!(first, server.pid());
    thread::scope(|scope| {
        let hangs = scope.spawn(|| server.get("/library/hang"));
        for does in ["abort", "exit", "overflow", "leak"] {
            let answer = server.get(&format!("/library/{does}"));
            assert_answer(&answer, 500, "worker_crashed");
        }
        assert_eq!(pid_in(&server.get("/")), server.pid());
        assert_answer(&hangs.join().expect("an answer"), 504, "handler_timeout");
    });
    assert_ne!(pid_in(&server.get("/library/well")), first);

    assert_answer(&server.get("/library/abort"), 500, "worker_crashed");
    let third = server.get("/library/abort");
    assert_answer(&third, 503, "overloaded");
    assert!(third.contains("retry-after: "), "{third}");
    let (status, log) = server.terminate();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(
        log.contains("a worker crashed") && log.contains("signal 6"),
        "{log}"
    );
}

// === own_main ===

#[test]
fn a_main_of_ones_own_lets_workers_turn_off_and_takes_them_along() {
    let client = TestClient::new(own_main::app());
    let own = std::process::id();
    for path in ["/server", "/worker"] {
        assert_eq!(client.get(path).send().json::<[u32; 2]>(), [own, own]);
    }

    let server = Server::start("own_main");
    let pids = |path: &str| -> [u32; 2] {
        let answer = server.get(path);
        let body = answer.lines().next_back().unwrap_or_default();
        serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
    };
    assert_eq!(pids("/server"), [server.pid(); 2]);
    let [made_in, worker] = pids("/worker");
    assert!(made_in == worker && worker != server.pid());
    assert_eq!(pids("/worker"), [worker; 2]);

    // No handler stops this program gracefully: the system ends it, and its worker.
    let worker = i32::try_from(worker).ok().and_then(Pid::from_raw);
    let worker = pidfd_open(worker.expect("a pid"), PidfdFlags::empty()).expect("it lives");
    let (status, _) = server.terminate();
    assert_eq!(status.code(), None);
    let second = Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    };
    let ended = poll(&mut [PollFd::new(&worker, PollFlags::IN)], Some(&second));
    assert_eq!(ended, Ok(1), "no worker outlives its server by a second");
}

// === showcase ===

#[test]
fn the_heavy_part_of_the_showcase_on_the_pool() {
    let client = TestClient::new(showcase::app());
    let answer = |path: &str| {
        let answer = client.get(path).send();
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert_eq!(answer.lane(), Lane::Pool);
        answer
    };
    let computed: Value = answer("/heavy/compute?n=1000").json();
    assert_eq!(computed["primes"], 168);
    assert_eq!(computed["execution"], "thread_pool");
    let of_model: Value = answer("/heavy/state").json();
    assert_eq!(of_model["weights"], 168);
    assert_eq!(of_model["made_in"], std::process::id());
    assert_eq!(
        answer("/heavy/thumbnail?width=16").header("content-type"),
        Some("image/png")
    );
    assert!(answer("/heavy/log?lines=1").text().starts_with("1 lines"));
    let how = client.get("/heavy/crash/quietly");
    assert_eq!(refused(how), [r#"["path","how"] one_of"#]);
}

#[test]
fn the_heavy_part_of_the_showcase_crashes_hangs_and_leaks_beside_the_rest() {
    let server = Server::start("showcase");
    let json = |path: &str| -> Value {
        let answer = server.get(path);
        assert!(answer.contains("x-hybrid-lane: process"), "{answer}");
        let body = answer.lines().next_back().unwrap_or_default();
        serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
    };
    let first = json("/heavy/state");
    assert_eq!(first["made_in"], first["worker_pid"]);
    assert_ne!(first["worker_pid"], server.pid());
    assert_eq!(json("/heavy/compute?n=1000")["execution"], "worker_process");
    let crash = |how: &str| server.get(&format!("/heavy/{how}"));
    thread::scope(|scope| {
        let hangs = scope.spawn(|| crash("hang"));
        let spins = scope.spawn(|| crash("spin"));
        assert!(server.get("/sync").starts_with("HTTP/1.1 200"));
        assert_answer(&hangs.join().expect("an answer"), 504, "handler_timeout");
        assert_answer(&spins.join().expect("an answer"), 500, "worker_crashed");
    });
    for how in ["abort", "exit", "overflow", "segv"] {
        let answer = crash(&format!("crash/{how}"));
        assert_answer(&answer, 500, "worker_crashed");
    }
    assert_answer(&crash("leak"), 500, "worker_crashed");
    let pid = pid_in(&crash("log?lines=2"));
    let again = json("/heavy/state");
    assert_eq!(again["made_in"], again["worker_pid"], "well again");
    let lanes = server.get("/_hybrid/lanes");
    assert!(lanes.contains(r#""state":"idle""#), "{lanes}");

    let (status, log) = server.terminate();
    assert_eq!(status.code(), Some(0), "{log}");
    let said = |text: &str| {
        let mut lines = log.lines().filter(|line| line.contains(text));
        let found = lines.next().unwrap_or_else(|| panic!("no `{text}`: {log}"));
        assert!(found.contains(&format!("pid={pid} ")), "{found}");
        assert!(found.contains(r#"route="/heavy/log""#), "{found}");
    };
    said("line 2, to standard output");
    said("WARN hybrid::worker: showcase::heavy: a line by tracing");
    for how in ["SEGV", "ABORT", "XCPU", "exit code 0"] {
        assert!(log.contains(how), "no {how}: {log}");
    }
}
