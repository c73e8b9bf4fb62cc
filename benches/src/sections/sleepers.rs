//! Handlers that sleep and handlers that compute, each from a cold start: the server has run
//! no handler on a pool thread before.

use std::{fmt::Write as _, io, time::Duration};

use super::table;
use crate::{
    bench::{Bench, cores},
    load::{self, Load, Measured, SLOT},
    rounds::{Bar, Rounds},
    servers::Server,
};

const ROUNDS: usize = 5;

/// A trivial plain route that gets requests in every case.
const FAST: f64 = 100.0;
/// Enough connections, so that no request waits for one.
const FAST_CONNECTIONS: usize = 64;

/// The load of a cold start.
#[derive(Debug, Clone, Copy)]
struct Case {
    path: &'static str,
    clients: usize,
    title: &'static str,
    /// The highest possible rate; 0 if the number of cores decides.
    possible: f64,
}

const CASES: [Case; 3] = [
    Case {
        path: "/sleep5",
        clients: 64,
        title: "64 clients, a sleep of 5 ms",
        possible: 12_800.0,
    },
    Case {
        path: "/sleep50",
        clients: 200,
        title: "200 clients, a sleep of 50 ms",
        possible: 4_000.0,
    },
    Case {
        path: "/compute5",
        clients: 32,
        title: "32 clients, a computation of 5 ms",
        possible: 0.0,
    },
];

/// One server and one case in all rounds.
#[derive(Debug, Default)]
struct Figures {
    rate: Rounds,
    p99_ms: Rounds,
    /// From the first request to full speed, in milliseconds.
    ramp_ms: Rounds,
    /// Threads at the peak, beyond those before the first request.
    threads: Rounds,
    /// Threads that had or wanted a processor at once, event loops included.
    runnable: Rounds,
    /// Answers in the first slots of the last round.
    first_slots: Vec<u32>,
}

/// One server with all loads at the same time, in all rounds.
#[derive(Debug, Default)]
struct Together {
    rates: [Rounds; CASES.len()],
    fast_p50_ms: Rounds,
    fast_p99_ms: Rounds,
    threads: Rounds,
}

type PerServer<T> = Vec<(Server, T)>;

/// Measures and writes the section.
///
/// # Errors
/// A server does not start, or does not answer.
pub(super) fn measure(bench: &Bench) -> io::Result<String> {
    let mut apart = CASES.map(|case| (case, per_server::<Figures>()));
    let mut together = per_server::<Together>();
    for _ in 0..bench.rounds(ROUNDS) {
        for (case, figures) in &mut apart {
            for (server, figures) in figures {
                round(bench, *server, *case, figures)?;
            }
        }
        for (server, figures) in &mut together {
            round_together(bench, *server, figures)?;
        }
    }
    write(&apart, &together).map_err(io::Error::other)
}

fn per_server<T: Default>() -> PerServer<T> {
    Server::WITH_THREADS
        .map(|server| (server, T::default()))
        .into()
}

fn round(bench: &Bench, server: Server, case: Case, figures: &mut Figures) -> io::Result<()> {
    let mut running = bench.start(server)?;
    let before = running.threads()?;
    let watch = running.watch_threads(Duration::from_millis(100));
    let load = Load::closed(running.addr, case.path, bench.clients(case.clients));
    let measured = load::drive(&[load], bench.span(0, 2_500))?;
    let seen = watch.finish()?;
    let measured = super::answered(&measured[0], case.path)?;
    figures.rate.push(steady(measured) / SLOT.as_secs_f64());
    figures.p99_ms.push(measured.latencies.p99_ms());
    figures.ramp_ms.push(ramp(measured).as_secs_f64() * 1e3);
    let peak = seen.iter().map(|threads| threads.all).max();
    figures
        .threads
        .push(peak.unwrap_or(before).saturating_sub(before) as f64);
    let mut runnable = Rounds::default();
    for threads in &seen[seen.len() / 4..] {
        runnable.push(threads.runnable as f64);
    }
    figures.runnable.push(runnable.median());
    figures.first_slots = measured.slots.iter().copied().take(8).collect();
    running.stop()
}

fn round_together(bench: &Bench, server: Server, figures: &mut Together) -> io::Result<()> {
    let mut running = bench.start(server)?;
    let before = running.threads()?;
    let mut loads = CASES
        .map(|case| Load::closed(running.addr, case.path, bench.clients(case.clients)))
        .to_vec();
    loads.push(Load::open(running.addr, "/plain", FAST_CONNECTIONS, FAST));
    let mut peak = 0;
    let measured = load::drive_watched(&loads, bench.span(500, 2_500), |_| {
        peak = peak.max(running.threads()?);
        Ok(())
    })?;
    for (rate, measured) in figures.rates.iter_mut().zip(&measured) {
        rate.push(super::answered(measured, "all together")?.rate());
    }
    figures
        .fast_p50_ms
        .push(measured[CASES.len()].latencies.p50_ms());
    figures
        .fast_p99_ms
        .push(measured[CASES.len()].latencies.p99_ms());
    figures.threads.push((peak - before) as f64);
    running.stop()
}

/// Responses in a slot at full speed: the mean of the second half.
fn steady(measured: &Measured) -> f64 {
    // The last slot is incomplete.
    let slots = &measured.slots[..measured.slots.len() - 1];
    mean(&slots[slots.len() / 2..])
}

/// The time until the first of four slots that together reach 0.95 of full speed.
fn ramp(measured: &Measured) -> Duration {
    let bar = 0.95 * steady(measured);
    let slots = &measured.slots[..measured.slots.len() - 1];
    let first = slots.windows(4).position(|four| mean(four) >= bar);
    SLOT * u32::try_from(first.unwrap_or(slots.len())).unwrap_or(u32::MAX)
}

fn mean(slots: &[u32]) -> f64 {
    f64::from(slots.iter().sum::<u32>()) / slots.len() as f64
}

fn write(
    apart: &[(Case, PerServer<Figures>)],
    together: &[(Server, Together)],
) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(
        text,
        "Each number has a fresh server: all clients connect and then send requests at the same \
         time, in a closed loop. The rate is that of the second half. Full speed begins with \
         the first of four slots of {} ms that together reach 0.95 of that rate. \"Threads\" is \
         the peak number minus the number before the first request. \"Runnable\" is how many \
         threads of the process, including event loops, had or wanted a processor at the same \
         time. {ROUNDS} rounds, servers in turn.\n",
        SLOT.as_millis()
    )?;
    for (case, figures) in apart {
        write_case(&mut text, *case, figures)?;
    }
    write_together(&mut text, together)?;
    Ok(text)
}

fn write_case(text: &mut String, case: Case, figures: &PerServer<Figures>) -> std::fmt::Result {
    write!(text, "### {}", case.title)?;
    if case.possible > 0.0 {
        write!(text, " ({} a second are possible)", case.possible)?;
    }
    writeln!(text, "\n")?;
    table(
        text,
        &[
            "",
            "a second",
            "p99, ms",
            "full speed after, ms",
            "threads",
            "runnable",
            "the first slots",
        ],
    )?;
    for (server, of) in figures {
        let first: Vec<_> = of.first_slots.iter().map(u32::to_string).collect();
        writeln!(
            text,
            "| {server} | {:.0} | {:.1} | {:.0} | {:.0} | {:.0} | {} |",
            of.rate,
            of.p99_ms,
            of.ramp_ms,
            of.threads,
            of.runnable,
            first.join(" ")
        )?;
    }
    writeln!(text)?;
    let find = |wanted| figures.iter().find(|(server, _)| *server == wanted);
    let (Some((_, ours)), Some((_, axum))) = (find(Server::Hybrid), find(Server::Axum)) else {
        return Ok(());
    };
    table(text, &["hybrid", "", "the bar", ""])?;
    let rate = ours.rate.over(&axum.rate);
    let threads_max = match case.possible {
        // One long and one short thread for each core, the threads that became long before the
        // route was known to be long, and one that is starting.
        0.0 => 2.0 * cores() as f64 + 3.0,
        _ => (1.2 * case.clients as f64).floor() + cores() as f64,
    };
    for (what, of, value, bar) in [
        ("rate, of axum's", &rate, rate.median(), Bar::AtLeast(0.97)),
        (
            "full speed after, ms",
            &ours.ramp_ms,
            ours.ramp_ms.median(),
            Bar::AtMost(200.0),
        ),
        (
            "threads",
            &ours.threads,
            ours.threads.most(),
            Bar::AtMost(threads_max),
        ),
    ] {
        writeln!(text, "| {what} | {of:.2} | {} |", bar.judge(value))?;
    }
    writeln!(text)
}

fn write_together(text: &mut String, together: &[(Server, Together)]) -> std::fmt::Result {
    writeln!(
        text,
        "### All three at the same time, beside a trivial plain route\n\nThe trivial route gets \
         {FAST} requests/s on {FAST_CONNECTIONS} connections.\n"
    )?;
    table(
        text,
        &[
            "",
            "sleeps of 5 ms",
            "sleeps of 50 ms",
            "computations",
            "trivial p50, ms",
            "trivial p99, ms",
            "threads",
        ],
    )?;
    for (server, of) in together {
        let [short, long, computed] = &of.rates;
        writeln!(
            text,
            "| {server} | {short:.0} | {long:.0} | {computed:.0} | {:.2} | {:.2} | {:.0} |",
            of.fast_p50_ms, of.fast_p99_ms, of.threads
        )?;
    }
    Ok(())
}
