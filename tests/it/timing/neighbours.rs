//! Handlers that compute for long beside short ones: what is short is not held up, and
//! what is long runs at a lower priority, never more of it than there are processors.

use std::{
    hint::black_box,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use hybrid::prelude::*;

use crate::harness::{Server, Wire, at_once, join};

/// As much work as takes that many milliseconds alone on a processor.
fn compute(milliseconds: u32) {
    static ROUNDS: LazyLock<u64> = LazyLock::new(|| {
        const TRY: u64 = 100_000;
        let tries = (0..20).map(|_| {
            let before = Instant::now();
            rounds(TRY);
            before.elapsed()
        });
        let best = tries.min().expect("some tries");
        (TRY as f64 / 1e3 / best.as_secs_f64()) as u64
    });
    rounds(*ROUNDS * u64::from(milliseconds));
}

fn rounds(count: u64) -> u64 {
    (0..count).fold(black_box(1), |x: u64, _| {
        let x = x ^ (x << 13);
        let x = x ^ (x >> 7);
        x ^ (x << 17)
    })
}

#[get("/compute/{milliseconds}")]
fn computes(milliseconds: u32) {
    compute(milliseconds);
}

#[get("/light")]
fn light() {
    compute(1);
}

/// Clients in a closed loop.
struct Load {
    ends: Arc<AtomicBool>,
    clients: Vec<thread::JoinHandle<u32>>,
}

impl Load {
    fn on(server: &Server, clients: usize, path: &'static str) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let (addr, until) = (server.addr, Arc::clone(&ends));
        let clients = at_once(clients, move |_| {
            let mut wire = Wire::to(addr);
            let mut answers = 0;
            while !until.load(Ordering::Relaxed) {
                wire.ask(path);
                assert_eq!(wire.read().status, 204);
                answers += 1;
            }
            answers
        });
        Self { ends, clients }
    }

    /// The answers of each client.
    fn end(self) -> Vec<u32> {
        self.ends.store(true, Ordering::Relaxed);
        join(self.clients)
    }
}

/// Behind permits that long tickets hold, the short ones would wait for half of a
/// long run and more. A quarter of one is far from that, and from the few
/// milliseconds that they take on a busy machine.
#[test]
fn a_short_handler_is_not_held_up_by_long_computations() {
    let server = Server::start(App::new().routes(routes![computes, light]));
    let load = Load::on(&server, 4, "/compute/300");
    let mut wire = Wire::to(server.addr);
    let mut ask = || {
        let before = Instant::now();
        wire.ask("/light");
        assert_eq!(wire.read().status, 204);
        let waited = before.elapsed();
        thread::sleep(Duration::from_millis(5));
        waited
    };
    // Until it is known which is which.
    for _ in 0..20 {
        ask();
    }
    let mut waits: Vec<_> = (0..60).map(|_| ask()).collect();
    let answers = load.end();
    waits.sort();
    assert!(waits[30] < Duration::from_millis(75), "{waits:?}");
    assert!(answers.iter().all(|answers| *answers > 0), "{answers:?}");
}

/// How many handlers ran at once, counted by each as it began.
#[derive(Clone, Default)]
struct Running {
    now: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<usize>>>,
}

impl Running {
    fn run(&self, work: impl FnOnce()) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.seen.lock().unwrap().push(now);
        work();
        self.now.fetch_sub(1, Ordering::SeqCst);
    }
}

#[get("/five")]
fn five(State(running): State<Running>) {
    running.run(|| compute(5));
}

/// As many long ones as there are processors compute, as many more before it is known
/// that they are long, and on a machine that other programs keep busy as many again, in
/// place of those that wait for a processor. A handler that is found blocked, on a page
/// fault say, lets another begin beside it: that is rare, so that the bound is for 95 of
/// 100. The exact bound is that of the policy, which `dispatch::pool`'s tests hold against
/// a machine that is computed; this test proves that a server keeps to the policy. Without
/// it all sixteen for each processor would run at once.
#[test]
#[cfg(target_os = "linux")]
fn many_clients_on_five_milliseconds_never_compute_all_at_once() {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let running = Running::default();
    let app = App::new().state(running.clone()).routes(routes![five]);
    // A machine that is slow refuses nothing.
    let config = Config::new().queue_wait(Duration::from_secs(60));
    let server = Server::start(app.config(config));
    let addr = server.addr;
    let clients = at_once(16 * processors, move |_| {
        let mut wire = Wire::to(addr);
        for _ in 0..12 {
            wire.ask("/five");
            assert_eq!(wire.read().status, 204);
        }
    });
    join(clients);
    let mut seen = running.seen.lock().unwrap().clone();
    seen.sort_unstable();
    let most = seen[seen.len() * 95 / 100];
    assert!(most <= 3 * processors + 2, "{seen:?} on {processors}");
}

/// The nice value of the handler's own thread, at the beginning and at the end.
#[cfg(target_os = "linux")]
fn nice_around(milliseconds: u32) -> Json<[i32; 2]> {
    let nice = || {
        let thread = Some(rustix::thread::gettid());
        rustix::process::getpriority_process(thread).expect("a thread has one")
    };
    let before = nice();
    compute(milliseconds);
    Json([before, nice()])
}

#[cfg(target_os = "linux")]
#[get("/nice/long")]
fn nice_long() -> Json<[i32; 2]> {
    nice_around(100)
}

#[cfg(target_os = "linux")]
#[get("/nice/short")]
fn nice_short() -> Json<[i32; 2]> {
    nice_around(0)
}

/// Without privileges, since root may raise a priority again.
#[test]
#[cfg(target_os = "linux")]
fn long_threads_are_nice_and_short_ones_are_not() {
    let unprivileged = thread::spawn(|| {
        if rustix::process::getuid().is_root() {
            // Of this thread alone, and of those that it starts.
            let nobody = rustix::thread::Uid::from_raw(65_534);
            rustix::thread::set_thread_uid(nobody).expect("root may");
        }
        let routes = routes![nice_long, nice_short];
        let config = Config::new().pool_nice(7);
        let server = Server::start(
            App::new()
                .admin_at("/_hybrid")
                .config(config)
                .routes(routes),
        );
        let nice = |path| serde_json::from_str::<[i32; 2]>(server.get(path).text()).expect("two");
        let own = nice("/nice/short")[0];
        // Its thread turns long while it runs; the next runs on one that is.
        assert_eq!(nice("/nice/long"), [own, own + 7]);
        assert_eq!(nice("/nice/long"), [own + 7; 2]);
        assert_eq!(nice("/nice/short"), [own; 2]);
        let lanes = server.get("/_hybrid/lanes").text().to_owned();
        let lanes: serde_json::Value = serde_json::from_str(&lanes).expect("JSON");
        // The second may have come before the first one's thread was back.
        let long = lanes["pool"]["long"].as_u64().expect("a count");
        assert!((1..=2).contains(&long), "{lanes}");
        let metrics = server.get("/_hybrid/metrics").text().to_owned();
        assert!(
            metrics.contains(&format!("\nhybrid_pool_long_threads {long}\n")),
            "{metrics}"
        );
    });
    unprivileged.join().expect("no panic");
}

#[get("/either")]
fn either(#[query] milliseconds: u32) {
    compute(milliseconds);
}

/// Each kind needs a thread, and there is one of both together: it changes over, and
/// back by leaving to another.
#[test]
fn one_thread_serves_short_and_long_tickets_in_turn() {
    let config = Config::new()
        .max_threads(1)
        .queue_wait(Duration::from_secs(60));
    let server = Server::start(App::new().config(config).routes(routes![either, light]));
    for _ in 0..5 {
        assert_eq!(server.get("/either?milliseconds=30").status, 204);
        assert_eq!(server.get("/light").status, 204);
    }
    let long = Load::on(&server, 3, "/either?milliseconds=30");
    let short = Load::on(&server, 3, "/light");
    thread::sleep(Duration::from_millis(500));
    let answers = [long.end(), short.end()].concat();
    assert!(answers.iter().all(|answers| *answers > 0), "{answers:?}");
}
