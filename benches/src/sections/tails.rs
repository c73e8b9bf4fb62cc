//! Tail latencies of a server that is not busy: a light route at a fixed rate, without other
//! load.

use std::{fmt::Write as _, io};

use super::{answered, table};
use crate::{
    bench::{Bench, Effort},
    load::{self, Load},
    rounds::Rounds,
    servers::Server,
};

const RATE: f64 = 5_000.0;
const CONNECTIONS: usize = 32;
const ROUNDS: usize = 7;

/// One server in all rounds, in milliseconds.
#[derive(Debug, Default)]
struct Figures {
    p50: Rounds,
    p99: Rounds,
    p999: Rounds,
    /// Responses divided by due requests.
    kept: Rounds,
    /// The delay of the load generator itself, p99.
    late: Rounds,
}

/// Measures and writes the section.
///
/// # Errors
/// A server does not start, or does not answer.
pub(super) fn measure(bench: &Bench) -> io::Result<String> {
    let mut all = Server::COMPARED.map(|server| (server, Figures::default()));
    for _ in 0..bench.rounds(ROUNDS) {
        for (server, figures) in &mut all {
            round(bench, *server, figures)?;
        }
    }
    write(&all).map_err(io::Error::other)
}

fn round(bench: &Bench, server: Server, figures: &mut Figures) -> io::Result<()> {
    let rate = match bench.effort {
        Effort::Full => RATE,
        Effort::Small => RATE / 10.0,
    };
    let mut running = bench.start_with(server, "/json", |_| ())?;
    let load = Load::open(running.addr, "/json", CONNECTIONS, rate);
    let measured = load::drive(&[load], bench.span(500, 2_500))?;
    let measured = answered(&measured[0], server.name())?;
    figures.p50.push(measured.latencies.p50_ms());
    figures.p99.push(measured.latencies.p99_ms());
    figures.p999.push(measured.latencies.p999_ms());
    figures.kept.push(measured.rate() / rate);
    figures.late.push(measured.late.p99_ms());
    running.stop()
}

fn write(all: &[(Server, Figures)]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(
        text,
        "`GET /json` with {RATE} requests/s on {CONNECTIONS} connections in an open loop. \
         Latency counts from the time when a request was due, so a pause is charged for all \
         requests that it delayed. {ROUNDS} rounds of 2.5 s, servers in turn. The table also \
         has the delay of the generator itself; a latency near it says nothing about the \
         server.\n"
    )?;
    let columns = [
        "",
        "p50, ms",
        "p99, ms",
        "p99.9, ms",
        "answered, of those due",
        "generator late, p99, ms",
        "hybrid's p99 is ×",
    ];
    table(&mut text, &columns)?;
    let ours = &all[0].1;
    for (server, of) in all {
        writeln!(
            text,
            "| {server} | {:.3} | {:.3} | {:.3} | {:.3} | {:.3} | {:.2} |",
            of.p50,
            of.p99,
            of.p999,
            of.kept,
            of.late,
            ours.p99.over(&of.p99)
        )?;
    }
    Ok(text)
}
