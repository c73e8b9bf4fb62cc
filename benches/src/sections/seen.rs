//! Behaviour that one run shows: hybrid in overload, with a slow route that needs every thread,
//! and with an `async fn` that blocks its event loop.

use std::{
    fmt::Write as _,
    io, thread,
    time::{Duration, Instant},
};

use super::table;
use crate::{
    bench::{Bench, Effort},
    client,
    load::{self, Load, Span},
    rounds::Bar,
    servers::Server,
};

/// Measures and writes the section.
///
/// # Errors
/// A server does not start, or does not answer.
pub(super) fn measure(bench: &Bench) -> io::Result<String> {
    let overload = overload(bench)?;
    let slow = slow_neighbour(bench)?;
    let spin = spin(bench)?;
    let text = [
        write_overload(&overload),
        write_slow_neighbour(&slow),
        write_spin(&spin),
    ];
    let text: Result<Vec<_>, _> = text.into_iter().collect();
    Ok(text.map_err(io::Error::other)?.concat())
}

// === Three times the capacity ===

/// The offered load divided by the capacity.
const TIMES: f64 = 3.0;
/// More connections than tickets may wait, so that one is always free.
const CONNECTIONS: usize = 1_400;

struct Overload {
    capacity: f64,
    goodput: f64,
    accepted_p50_ms: f64,
    accepted_p99_ms: f64,
    refused: f64,
    failed: usize,
    recovery: Duration,
}

fn overload(bench: &Bench) -> io::Result<Overload> {
    const PATH: &str = "/compute10";
    // The connections are opened before they are needed. A server closes connections
    // without a request after ten seconds, all at the same time.
    let mut running = bench.start_with(Server::Hybrid, "/async", |command| {
        command.env("HYBRID_HEADER_TIMEOUT", "120s");
    })?;
    let closed = Load::closed(running.addr, PATH, 32);
    let capacity = load::drive(&[closed], bench.span(500, 3_000))?;
    let capacity = super::answered(&capacity[0], PATH)?.rate();
    let open = Load::open(running.addr, PATH, CONNECTIONS, TIMES * capacity);
    let measured = &load::drive(&[open], bench.span(0, 30_000))?[0];
    let recovery = recovery(running.addr, PATH)?;
    running.stop()?;
    Ok(Overload {
        capacity,
        goodput: measured.rate(),
        accepted_p50_ms: measured.latencies.p50_ms(),
        accepted_p99_ms: measured.latencies.p99_ms(),
        refused: measured.refused as f64 / measured.window.as_secs_f64(),
        failed: measured.failed,
        recovery,
    })
}

/// The time until a new client gets its response as fast as before.
fn recovery(addr: std::net::SocketAddr, path: &str) -> io::Result<Duration> {
    let before = Instant::now();
    loop {
        let asked = Instant::now();
        let answer = client::ask_once(addr, &load::get(path))?;
        if answer.status == 200 && asked.elapsed() < Duration::from_millis(100) {
            return Ok(before.elapsed());
        }
        if before.elapsed() > Duration::from_secs(60) {
            return Err(io::Error::other("no recovery within a minute"));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn write_overload(of: &Overload) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(
        text,
        "### Three times its capacity\n\nA plain route computes for 10 ms. Its capacity is the \
         rate of 32 clients in a closed loop ({:.0} responses/s). For 30 s an open loop on \
         {CONNECTIONS} connections sends {TIMES} times as many requests. The server has \
         recovered when a new client gets its response within 100 ms.\n",
        of.capacity
    )?;
    table(&mut text, &["", "", "the bar", ""])?;
    let goodput = of.goodput / of.capacity;
    writeln!(
        text,
        "| responses, divided by the capacity | {goodput:.3} | {} |",
        Bar::AtLeast(0.9).judge(goodput)
    )?;
    writeln!(
        text,
        "| latency of the responses, p50, ms | {:.0} | | |",
        of.accepted_p50_ms
    )?;
    let p99 = of.accepted_p99_ms;
    writeln!(
        text,
        "| latency of the responses, p99, ms | {p99:.0} | {} |",
        Bar::AtMost(5_000.0).judge(p99)
    )?;
    writeln!(
        text,
        "| refused with 503, per second | {:.0} | | |",
        of.refused
    )?;
    let failed = of.failed as f64;
    writeln!(
        text,
        "| other results | {failed} | {} |",
        Bar::AtMost(0.0).judge(failed)
    )?;
    let recovery = of.recovery.as_secs_f64() * 1e3;
    writeln!(
        text,
        "| recovered after, ms | {recovery:.0} | {} |\n",
        Bar::AtMost(1_000.0).judge(recovery)
    )?;
    Ok(text)
}

// === A slow neighbour ===

const FAST: f64 = 100.0;

struct SlowNeighbour {
    fast_p50_ms: f64,
    fast_p99_ms: f64,
    fast_kept: f64,
    slow: f64,
}

fn slow_neighbour(bench: &Bench) -> io::Result<SlowNeighbour> {
    let mut running = bench.start_with(Server::Hybrid, "/async", |command| {
        command.env("HYBRID_MAX_THREADS", "16");
    })?;
    let loads = [
        Load::open(running.addr, "/plain", 8, FAST),
        Load::closed(running.addr, "/sleep250", 64),
    ];
    let measured = load::drive(&loads, bench.span(1_000, 6_000))?;
    running.stop()?;
    Ok(SlowNeighbour {
        fast_p50_ms: measured[0].latencies.p50_ms(),
        fast_p99_ms: measured[0].latencies.p99_ms(),
        fast_kept: measured[0].rate() / FAST,
        slow: measured[1].rate(),
    })
}

fn write_slow_neighbour(of: &SlowNeighbour) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(
        text,
        "### A fast plain route beside a slow one\n\nThe pool has at most 16 threads \
         (`max_threads`). 64 clients in a closed loop use a plain route that sleeps for 250 ms. \
         A trivial plain route gets {FAST} requests/s.\n"
    )?;
    table(&mut text, &["", "", "the bar", ""])?;
    writeln!(
        text,
        "| the fast route's p50, ms | {:.2} | | |",
        of.fast_p50_ms
    )?;
    let p99 = of.fast_p99_ms;
    writeln!(
        text,
        "| the fast route's p99, ms | {p99:.2} | {} |",
        Bar::AtMost(20.0).judge(p99)
    )?;
    writeln!(
        text,
        "| responses / due requests of the fast route | {:.3} | | |",
        of.fast_kept
    )?;
    writeln!(
        text,
        "| responses per second of the slow route | {:.0} | | |\n",
        of.slow
    )?;
    Ok(text)
}

// === An `async fn` that blocks its event loop ===

const OTHERS: f64 = 500.0;

struct Spin {
    alone_p99_ms: f64,
    by_second: Vec<f64>,
}

fn spin(bench: &Bench) -> io::Result<Spin> {
    let mut running = bench.start(Server::Hybrid)?;
    let others = Load::open(running.addr, "/async", 8, OTHERS);
    let alone = load::drive(std::slice::from_ref(&others), bench.span(200, 1_000))?;
    let loads = [others, Load::open(running.addr, "/spin", 2, 10.0)];
    let span = match bench.effort {
        Effort::Full => Span::milliseconds(0, 8_000),
        Effort::Small => Span::milliseconds(0, 1_000),
    };
    let measured = load::drive(&loads, span)?;
    running.stop()?;
    let second = Duration::from_secs(1);
    let seconds = 0..u32::try_from(span.window.as_secs()).unwrap_or(0);
    Ok(Spin {
        alone_p99_ms: alone[0].latencies.p99_ms(),
        by_second: seconds
            .map(|at| {
                measured[0]
                    .latencies
                    .between(second * at, second * (at + 1))
            })
            .map(|latencies| latencies.p99_ms())
            .collect(),
    })
}

fn write_spin(of: &Spin) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(
        text,
        "### An `async fn` that blocks its event loop\n\nIt computes for 50 ms without an \
         await, ten times a second on 2 connections, from a cold start. Another async route \
         gets {OTHERS} requests/s at the same time. The table has its p99, second by second.\n"
    )?;
    table(&mut text, &["", "ms", "the bar", ""])?;
    writeln!(text, "| alone | {:.2} | | |", of.alone_p99_ms)?;
    let seconds: Vec<_> = of.by_second.iter().map(|ms| format!("{ms:.1}")).collect();
    writeln!(text, "| beside it, by second | {} | | |", seconds.join(" "))?;
    let last = of.by_second.last().copied().unwrap_or(f64::NAN);
    writeln!(
        text,
        "| in the last second | {last:.2} | {} |",
        Bar::AtMost(10.0).judge(last)
    )?;
    Ok(text)
}
