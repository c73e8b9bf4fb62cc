//! Heavy and Dangerous Work: plain handlers in worker processes. They end at their deadline,
//! and a crash fails only its own request.
//!
//! Try: curl 'http://127.0.0.1:8000/heavy/compute?n=2000000'
//!      curl 'http://127.0.0.1:8000/heavy/thumbnail?width=128' -o thumbnail.png
//!      curl http://127.0.0.1:8000/heavy/state http://127.0.0.1:8000/heavy/state
//!      curl 'http://127.0.0.1:8000/heavy/log?lines=3'
//!      curl -i http://127.0.0.1:8000/heavy/crash/abort    # or exit, overflow, segv: 500
//!      curl -i http://127.0.0.1:8000/heavy/hang           # 504 after 1 s
//!      curl -i http://127.0.0.1:8000/heavy/spin           # 500, out of processor time
//!      curl -i http://127.0.0.1:8000/heavy/leak           # 500, out of memory
//!      curl http://127.0.0.1:8000/_hybrid/lanes           # the workers
//!
//! If the same request crashes two workers within a minute, it gets a 503 for a minute. With
//! another query (`/heavy/crash/abort?again`) it is another request.

use std::{
    hint::black_box,
    io::{self, Cursor, Write as _},
    process, thread,
    time::Duration,
};

use hybrid::{BoxError, Routes, prelude::*};
use image::{DynamicImage, ImageFormat, RgbImage};
use rustix::process::{Signal, getpid, kill_process};

use super::{
    cpu_bound::primes_below,
    measure::{execution, seconds, timed_call},
};

pub(crate) fn routes() -> Routes {
    routes![compute, thumbnail, of_model, log, crash, hang, spin, leak]
}

// === Heavy ===

#[model(output)]
struct Computed {
    primes: usize,
    execution_time: String,
    execution: &'static str,
    worker_pid: u32,
}

/// Counts primes, for at most ten seconds.
#[get("/heavy/compute", lane = process, timeout = "10s")]
fn compute(#[query(ge = 2, le = 20_000_000, default = 500_000)] n: i64) -> Json<Computed> {
    let (primes, took) = timed_call(|| primes_below(n));
    Json(Computed {
        primes: primes.len(),
        execution_time: seconds(took),
        execution: execution(),
        worker_pid: process::id(),
    })
}

/// Paints an image and scales it down. `examples/thumbnail.rs` reads an upload instead.
#[get("/heavy/thumbnail", lane = process, timeout = "5s")]
fn thumbnail(#[query(ge = 16, le = 1024, default = 256)] width: u32) -> Result<impl IntoResponse> {
    let shade = |at: u32| (at / 8 % 256) as u8;
    let painted = RgbImage::from_fn(2048, 1536, |x, y| [shade(x), shade(y), shade(x + y)].into());
    let mut png = Cursor::new(Vec::new());
    DynamicImage::from(painted)
        .thumbnail(width, width)
        .write_to(&mut png, ImageFormat::Png)?;
    Ok(([("content-type", "image/png")], png.into_inner()))
}

/// A state that is expensive to make. Each worker makes its own on first use and keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    weights: std::sync::Arc<[i64]>,
    made_in: u32,
}

impl Model {
    pub(crate) fn load() -> Result<Self, BoxError> {
        Ok(Self {
            weights: primes_below(1000).into(),
            made_in: process::id(),
        })
    }
}

#[model(output)]
struct OfModel {
    weights: usize,
    made_in: u32,
    worker_pid: u32,
}

/// Returns the process that made the model, and the process that runs this handler.
#[get("/heavy/state", lane = process, timeout = "2s")]
fn of_model(State(model): State<Model>) -> Json<OfModel> {
    Json(OfModel {
        weights: model.weights.len(),
        made_in: model.made_in,
        worker_pid: process::id(),
    })
}

/// Writes lines. The server's log has them with process and route.
#[get("/heavy/log", lane = process, timeout = "2s")]
fn log(#[query(ge = 1, le = 1000, default = 3)] lines: u32) -> Result<String> {
    for line in 1..=lines {
        writeln!(io::stdout(), "line {line}, to standard output")?;
    }
    tracing::warn!(lines, "a line by tracing, with its level");
    Ok(format!("{lines} lines from process {}\n", process::id()))
}

// === Dangerous ===

#[derive(FromParam)]
#[param(rename_all = "kebab-case")]
enum Crash {
    Abort,
    Exit,
    Overflow,
    Segv,
}

/// Ends its process.
#[get("/heavy/crash/{how}", lane = process, timeout = "2s")]
fn crash(how: Crash) -> String {
    match how {
        Crash::Abort => process::abort(),
        Crash::Exit => process::exit(0),
        Crash::Overflow => deeper(1).to_string(),
        // A bad pointer in a C library has this effect. Rust's handler takes the first
        // signal for a possible stack overflow.
        Crash::Segv => loop {
            kill_process(getpid(), Signal::SEGV).unwrap_or_else(|_| process::abort());
        },
    }
}

/// Calls itself until the stack overflows.
#[expect(unconditional_recursion, reason = "it overflows the stack on purpose")]
fn deeper(depth: u64) -> u64 {
    black_box(deeper(black_box(depth) + 1)) + depth
}

/// Waits for ever.
#[get("/heavy/hang", lane = process, timeout = "1s")]
fn hang() {
    loop {
        thread::sleep(Duration::from_secs(60));
    }
}

/// Computes for ever, with a limit of one second of processor time.
#[get("/heavy/spin", lane = process, timeout = "5s", worker_cpu = "1s")]
fn spin() {
    loop {
        std::hint::spin_loop();
    }
}

/// Allocates memory and never frees it.
#[get("/heavy/leak", lane = process, timeout = "5s", worker_memory = "256MiB")]
fn leak() {
    let mut kept = Vec::new();
    loop {
        kept.push(black_box(vec![1_u8; 1 << 20]));
    }
}
