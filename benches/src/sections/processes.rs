//! The cost of a worker process, compared with a pool thread and with a child process that
//! gets its bodies through pipes.

use std::{
    fmt::Write as _,
    fs, io,
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use super::table;
use crate::{
    bench::{Bench, Effort},
    client,
    load::{self, Load, Span},
    process::Running,
    rounds::{Bar, Rounds},
    servers::Server,
};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// The sizes of the bodies, their names, and for how many milliseconds each is measured in a
/// round.
const BODIES: [(usize, &str, u64); 8] = [
    (64, "64 B", 250),
    (KIB, "1 KiB", 250),
    (16 * KIB, "16 KiB", 250),
    (64 * KIB, "64 KiB", 250),
    (256 * KIB, "256 KiB", 300),
    (MIB, "1 MiB", 500),
    (10 * MIB, "10 MiB", 1_000),
    (50 * MIB, "50 MiB", 2_500),
];
/// The sizes for many concurrent clients.
const CROWDED: [usize; 2] = [64, MIB];
const CLIENTS: usize = 64;

const WAYS: [&str; 3] = ["pool", "process", "pipe"];
const HANDLERS: [(&str, &str); 2] = [
    (
        "echo",
        "The handler returns the request's `Bytes`; a worker does that without a copy",
    ),
    (
        "fresh",
        "The handler makes a new vector of the same size, each byte from one of the request",
    ),
];

const ROUNDS: usize = 11;
const ROUNDS_CROWDED: usize = 5;
/// How often a crash, a deadline and a start are measured.
const TIMES: usize = 20;
/// The deadline of `/hang`.
const DEADLINE: Duration = Duration::from_millis(300);

/// Measures and writes the section.
///
/// # Errors
/// A server does not start, or does not answer.
pub(super) fn measure(bench: &Bench) -> io::Result<String> {
    let alone = alone(bench)?;
    let crowded = crowded(bench)?;
    let life = Life::measure(bench)?;
    write(&alone, &crowded, &life).map_err(io::Error::other)
}

/// One figure of each of [`WAYS`].
type OfWays = [Rounds; WAYS.len()];

/// A body through a handler.
struct Case<T> {
    handler: &'static str,
    bytes: usize,
    figures: T,
}

fn cases<T: Default>(bench: &Bench, sizes: impl IntoIterator<Item = usize>) -> Vec<Case<T>> {
    let is_measured = |bytes: &usize| match bench.effort {
        Effort::Full => true,
        Effort::Small => matches!(*bytes, 64 | MIB),
    };
    let sizes: Vec<_> = sizes.into_iter().filter(is_measured).collect();
    let of_handler = |(handler, _)| {
        sizes.clone().into_iter().map(move |bytes| Case {
            handler,
            bytes,
            figures: T::default(),
        })
    };
    HANDLERS.into_iter().flat_map(of_handler).collect()
}

fn body(bytes: usize) -> Vec<u8> {
    b"0123456789abcdef"
        .iter()
        .copied()
        .cycle()
        .take(bytes)
        .collect()
}

// === One client ===

/// Median latencies in microseconds.
fn alone(bench: &Bench) -> io::Result<Vec<Case<OfWays>>> {
    let mut cases = cases::<OfWays>(bench, BODIES.map(|(bytes, ..)| bytes));
    let mut running = bench.start(Server::Processes)?;
    for _ in 0..bench.rounds(ROUNDS) {
        for case in &mut cases {
            let body = body(case.bytes);
            for (way, latency) in WAYS.iter().zip(&mut case.figures) {
                let path = format!("/{way}/{}", case.handler);
                let load = Load::posting(running.addr, &path, &body, 1);
                let measured = load::drive(&[load], span(bench, case.bytes))?;
                let measured = super::answered(&measured[0], &path)?;
                latency.push(measured.latencies.p50_ms() * 1e3);
            }
        }
    }
    running.stop()?;
    Ok(cases)
}

fn span(bench: &Bench, bytes: usize) -> Span {
    let of = BODIES.iter().find(|(size, ..)| *size == bytes);
    let window = of.map_or(250, |(_, _, window)| *window);
    bench.span(window / 5, window)
}

// === Many clients ===

/// Answers a second.
fn crowded(bench: &Bench) -> io::Result<Vec<Case<OfWays>>> {
    let mut cases = cases::<OfWays>(bench, CROWDED);
    let mut running = bench.start(Server::Processes)?;
    for _ in 0..bench.rounds(ROUNDS_CROWDED) {
        for case in &mut cases {
            let body = body(case.bytes);
            for (way, rate) in WAYS.iter().zip(&mut case.figures) {
                let path = format!("/{way}/{}", case.handler);
                let load = Load::posting(running.addr, &path, &body, bench.clients(CLIENTS));
                let measured = load::drive(&[load], bench.span(300, 1_000))?;
                rate.push(super::answered(&measured[0], &path)?.rate());
            }
        }
    }
    running.stop()?;
    Ok(cases)
}

// === The life of a worker ===

/// Memory in MiB, times in milliseconds.
#[derive(Default)]
struct Life {
    fresh: Memory,
    used: Memory,
    server: Memory,
    first_answer: Rounds,
    crash: Rounds,
    after_crash: Rounds,
    late: Rounds,
    after_deadline: Rounds,
}

/// The memory of a process, in MiB.
#[derive(Default)]
struct Memory {
    /// Private memory.
    private: Rounds,
    /// Private memory plus its share of shared memory: the program, segments.
    proportional: Rounds,
}

impl Memory {
    fn push(&mut self, pid: u32) -> io::Result<()> {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        let kib = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            kib.unwrap_or(f64::NAN)
        };
        let private = kib("Private_Clean:") + kib("Private_Dirty:");
        self.private.push(private / 1024.0);
        self.proportional.push(kib("Pss:") / 1024.0);
        Ok(())
    }
}

impl Life {
    fn measure(bench: &Bench) -> io::Result<Self> {
        let mut life = Self::default();
        let times = match bench.effort {
            Effort::Full => TIMES,
            Effort::Small => 2,
        };
        for _ in 0..bench.rounds(5) {
            life.measure_memory(bench)?;
        }
        for _ in 0..times {
            let mut running = bench.start(Server::Processes)?;
            life.first_answer.push(ask(running.addr, GET_PID, 200)?);
            running.stop()?;
        }
        // One worker, so that no other worker can serve instead.
        let mut running = bench.start_with(Server::Processes, "/async", |command| {
            command.env("HYBRID_MAX_PROCESSES", "1");
        })?;
        ask(running.addr, GET_PID, 200)?;
        for nth in 0..times {
            let crash = load::post(&format!("/crash?nth={nth}"), b"");
            life.crash.push(ask(running.addr, &crash, 500)?);
            life.after_crash.push(ask(running.addr, GET_PID, 200)?);
            // A worker that dies right after its start is not replaced at once.
            thread::sleep(Duration::from_millis(20));
        }
        for _ in 0..times {
            let took = ask(running.addr, &load::get("/hang"), 504)?;
            life.late.push(took - DEADLINE.as_secs_f64() * 1e3);
            life.after_deadline.push(ask(running.addr, GET_PID, 200)?);
        }
        running.stop()?;
        Ok(life)
    }

    fn measure_memory(&mut self, bench: &Bench) -> io::Result<()> {
        let mut running = bench.start_with(Server::Processes, "/async", |command| {
            command.env("HYBRID_MAX_PROCESSES", "1");
        })?;
        let worker = worker(&running)?;
        self.fresh.push(worker)?;
        for (handler, _) in HANDLERS {
            let path = format!("/process/{handler}");
            let load = Load::posting(running.addr, &path, &body(MIB), 1);
            let measured = load::drive(&[load], bench.span(0, 500))?;
            super::answered(&measured[0], &path)?;
        }
        self.used.push(worker)?;
        self.server.push(running.id())?;
        running.stop()
    }
}

const GET_PID: &[u8] = b"GET /pid HTTP/1.1\r\nhost: 127.0.0.1:8000\r\n\r\n";

fn worker(running: &Running) -> io::Result<u32> {
    let answer = client::ask_once(running.addr, GET_PID)?;
    answer.body.parse().map_err(io::Error::other)
}

/// The time until a response with that status, in milliseconds, on a separate connection.
fn ask(addr: SocketAddr, request: &[u8], status: u16) -> io::Result<f64> {
    let before = Instant::now();
    let answer = client::ask_once(addr, request)?;
    if answer.status == status {
        Ok(before.elapsed().as_secs_f64() * 1e3)
    } else {
        Err(io::Error::other(format!("not {status}: {answer:?}")))
    }
}

// === The text ===

fn write(
    alone: &[Case<OfWays>],
    crowded: &[Case<OfWays>],
    life: &Life,
) -> Result<String, std::fmt::Error> {
    let mut text = String::from(
        "The same handler three times: as a plain `fn` on the pool; with `lane = process` in a \
         worker process; and on the pool with a child process. In the third case the handler \
         sends the body to a long-lived child process through pipes of 1 MiB, with its length \
         before it, and reads the response from there. That is a hand-written solution without \
         a deadline and without limits.\n",
    );
    for (handler, title) in HANDLERS {
        writeln!(
            text,
            "\n### One client: `{handler}`\n\n{title}. Median latency in µs with one client on \
             one connection; both bodies have the given size; {ROUNDS} rounds, the three in \
             turn.\n"
        )?;
        write_alone(&mut text, of(alone, handler))?;
    }
    write_verdicts(&mut text, alone)?;
    writeln!(
        text,
        "\n### {CLIENTS} clients\n\nResponses per second in a closed loop; {ROUNDS_CROWDED} \
         rounds, the three in turn. There are as many workers and child processes as cores.\n"
    )?;
    write_crowded(&mut text, crowded)?;
    write_life(&mut text, life)?;
    Ok(text)
}

fn of<'a>(cases: &'a [Case<OfWays>], handler: &'a str) -> impl Iterator<Item = &'a Case<OfWays>> {
    cases.iter().filter(move |case| case.handler == handler)
}

fn name(bytes: usize) -> &'static str {
    let of = BODIES.iter().find(|(size, ..)| *size == bytes);
    of.map_or("", |(_, name, _)| *name)
}

fn write_alone<'a>(
    text: &mut String,
    cases: impl Iterator<Item = &'a Case<OfWays>>,
) -> std::fmt::Result {
    table(
        text,
        &[
            "",
            "pool",
            "process",
            "added",
            "pipes",
            "added",
            "process, of pipes",
        ],
    )?;
    for case in cases {
        let [pool, process, pipes] = &case.figures;
        writeln!(
            text,
            "| {} | {pool:.0} | {process:.0} | {:.0} | {pipes:.0} | {:.0} | {:.2} |",
            name(case.bytes),
            process.minus(pool),
            pipes.minus(pool),
            process.over(pipes),
        )?;
    }
    Ok(())
}

fn write_verdicts(text: &mut String, alone: &[Case<OfWays>]) -> std::fmt::Result {
    writeln!(text)?;
    table(text, &["a process adds, µs", "", "the bar", ""])?;
    for case in alone {
        let bar = match case.bytes {
            64 => Bar::AtMost(25.0),
            MIB => Bar::AtMost(250.0),
            _ => continue,
        };
        let [pool, process, _] = &case.figures;
        let added = process.minus(pool);
        writeln!(
            text,
            "| {}, `{}` | {added:.1} | {} |",
            name(case.bytes),
            case.handler,
            bar.judge(added.median())
        )?;
    }
    Ok(())
}

fn write_crowded(text: &mut String, crowded: &[Case<OfWays>]) -> std::fmt::Result {
    table(
        text,
        &[
            "",
            "pool",
            "process",
            "of the pool's",
            "pipes",
            "of the pool's",
        ],
    )?;
    for case in crowded {
        let [pool, process, pipes] = &case.figures;
        writeln!(
            text,
            "| {}, `{}` | {pool:.0} | {process:.0} | {:.2} | {pipes:.0} | {:.2} |",
            name(case.bytes),
            case.handler,
            process.over(pool),
            pipes.over(pool),
        )?;
    }
    Ok(())
}

fn write_life(text: &mut String, life: &Life) -> std::fmt::Result {
    writeln!(
        text,
        "\n### The life of a worker\n\nEach time is measured by a client on a new connection, \
         {TIMES} times. Private memory belongs to one process; proportional memory includes a \
         part of what is shared (the program, segments).\n"
    )?;
    table(text, &["", ""])?;
    for (what, memory) in [
        ("a worker after its first response", &life.fresh),
        ("a worker after bodies of 1 MiB", &life.used),
        ("the server then", &life.server),
    ] {
        let Memory {
            private,
            proportional,
        } = memory;
        writeln!(text, "| {what}, private MiB | {private:.1} |")?;
        writeln!(text, "| {what}, proportional MiB | {proportional:.1} |")?;
    }
    for (what, times) in [
        (
            "the first response of all, including the start of a worker, ms",
            &life.first_answer,
        ),
        ("the 500 of a request that aborts, ms", &life.crash),
        ("the next response after it, ms", &life.after_crash),
        (
            "the 504 of a request that hangs, after its deadline, ms",
            &life.late,
        ),
        ("the next answer after it, ms", &life.after_deadline),
    ] {
        writeln!(text, "| {what} | {times:.1} |")?;
    }
    Ok(())
}
