//! Short plain handlers beside others that compute for long, and beside other
//! programs.

use std::{fmt::Write as _, io, time::Duration};

use super::table;
use crate::{
    bench::{Bench, Effort, cores},
    load::{self, Load, Measured},
    process::{Running, Spinners, Threads},
    rounds::{Bar, Rounds},
    servers::Server,
};

const ROUNDS: usize = 3;

/// Each short route is asked so many times a second.
const RATE: f64 = 100.0;
/// Enough connections, so that no request waits for one.
const CONNECTIONS: usize = 64;

/// The async route that gets requests in every case.
const LIGHT: f64 = 2_000.0;
const LIGHT_CONNECTIONS: usize = 16;

/// The number of other programs, which compute all of the time.
const SPINNERS: usize = 3;

/// A short route.
#[derive(Debug, Clone, Copy)]
struct Short {
    path: &'static str,
    title: &'static str,
    /// Its computing time, in milliseconds.
    computes_ms: f64,
}

const SHORT: [Short; 5] = [
    Short {
        path: "/work10us",
        title: "10 µs",
        computes_ms: 0.01,
    },
    Short {
        path: "/work100us",
        title: "0.1 ms",
        computes_ms: 0.1,
    },
    Short {
        path: "/work500us",
        title: "0.5 ms",
        computes_ms: 0.5,
    },
    Short {
        path: "/work3ms",
        title: "3 ms",
        computes_ms: 3.0,
    },
    Short {
        path: "/nap",
        title: "blocked 2 ms, 0.5 ms",
        computes_ms: 0.5,
    },
];

/// The load beside the short routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    /// 4 clients on 300 ms.
    Long,
    /// 32 clients on 5 ms.
    Many,
    Both,
    /// Other programs, of the same session.
    Spinners,
    /// Other programs, each of a session of its own.
    SpinnersApart,
}

impl Beside {
    const ALL: [Self; 5] = [
        Self::Long,
        Self::Many,
        Self::Both,
        Self::Spinners,
        Self::SpinnersApart,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Long => "Beside 4 clients on a computation of 300 ms",
            Self::Many => "Beside 32 clients on a computation of 5 ms",
            Self::Both => "Beside both",
            Self::Spinners => "Beside three spinning programs",
            Self::SpinnersApart => "Beside three spinning programs, each in a separate session",
        }
    }

    fn loads(self, bench: &Bench, of: &Running) -> Vec<Load> {
        let long = || Load::closed(of.addr, "/compute300", 4);
        let many = || Load::closed(of.addr, "/compute5", bench.clients(32));
        match self {
            Self::Long => vec![long()],
            Self::Many => vec![many()],
            Self::Both => vec![long(), many()],
            Self::Spinners | Self::SpinnersApart => Vec::new(),
        }
    }

    fn spinners(self, bench: &Bench) -> io::Result<Option<Spinners>> {
        match self {
            Self::Long | Self::Many | Self::Both => Ok(None),
            Self::Spinners => Spinners::start(&bench.program, SPINNERS, false).map(Some),
            Self::SpinnersApart => Spinners::start(&bench.program, SPINNERS, true).map(Some),
        }
    }
}

/// One server beside one load, in all rounds.
#[derive(Debug, Default)]
struct Figures {
    /// By short route: asked alone, and all at once.
    alone: [Latency; SHORT.len()],
    together: [Latency; SHORT.len()],
    /// The rate of the computing routes beside the short ones, divided by their rate without
    /// them.
    kept: Rounds,
    /// Threads beyond those before the first request, at the peak.
    threads: Rounds,
    /// Threads that had or wanted a processor at the same time, 95th percentile: pool threads
    /// of hybrid, all threads of other servers.
    runnable: Rounds,
    memory_mib: Rounds,
    light: Latency,
    light_kept: Rounds,
}

#[derive(Debug, Default)]
struct Latency {
    p50_ms: Rounds,
    p99_ms: Rounds,
}

impl Latency {
    fn note(&mut self, measured: &Measured, what: &str) -> io::Result<()> {
        let latencies = &super::answered(measured, what)?.latencies;
        self.p50_ms.push(latencies.p50_ms());
        self.p99_ms.push(latencies.p99_ms());
        Ok(())
    }
}

type PerServer = Vec<(Server, Figures)>;

/// Measures and writes the section.
///
/// # Errors
/// A server does not start, or does not answer.
pub(super) fn measure(bench: &Bench) -> io::Result<String> {
    let mut all = Beside::ALL.map(|beside| {
        let figures = Server::WITH_THREADS.map(|server| (server, Figures::default()));
        (beside, PerServer::from(figures))
    });
    for _ in 0..bench.rounds(ROUNDS) {
        for (beside, figures) in &mut all {
            for (server, figures) in figures {
                round(bench, *server, *beside, figures)?;
            }
        }
    }
    write(&all).map_err(io::Error::other)
}

fn round(bench: &Bench, server: Server, beside: Beside, of: &mut Figures) -> io::Result<()> {
    let mut running = bench.start(server)?;
    let before = running.threads()?;
    let spinners = beside.spinners(bench)?;
    let heavy = beside.loads(bench, &running);
    let short = |short: &Short| Load::open(running.addr, short.path, CONNECTIONS, RATE);

    let alone = rate(bench, &heavy)?;
    let shorts = match bench.effort {
        Effort::Full => &SHORT[..],
        Effort::Small => &SHORT[..1],
    };
    for (asked, latency) in shorts.iter().zip(&mut of.alone) {
        let loads = [&[short(asked)], &heavy[..]].concat();
        let measured = load::drive(&loads, bench.span(300, 3_000))?;
        latency.note(&measured[0], asked.path)?;
    }

    let watch = running.watch_threads(Duration::from_millis(20));
    let loads = [&SHORT.map(|asked| short(&asked)), &heavy[..]].concat();
    let measured = load::drive(&loads, bench.span(300, 4_000))?;
    let seen = watch.finish()?;
    let (shorts, heavier) = measured.split_at(SHORT.len());
    for ((measured, asked), latency) in shorts.iter().zip(&SHORT).zip(&mut of.together) {
        latency.note(measured, asked.path)?;
    }
    if let Some(alone) = alone.filter(|alone| *alone > 0.0) {
        of.kept.push(worth(&heavy, heavier)? / alone);
    }
    note_threads(of, server, &seen, before);
    of.memory_mib
        .push(running.private_bytes()? as f64 / (1 << 20) as f64);

    let light = Load::open(running.addr, "/async", LIGHT_CONNECTIONS, LIGHT);
    let loads = [&[light], &loads[..]].concat();
    let measured = load::drive(&loads, bench.span(300, 2_000))?;
    of.light.note(&measured[0], "/async")?;
    of.light_kept.push(measured[0].rate() / LIGHT);
    drop(spinners);
    running.stop()
}

/// Responses per second of the computing routes alone; `None` if there are none.
fn rate(bench: &Bench, heavy: &[Load]) -> io::Result<Option<f64>> {
    if heavy.is_empty() {
        return Ok(None);
    }
    let measured = load::drive(heavy, bench.span(700, 3_000))?;
    worth(heavy, &measured).map(Some)
}

/// Computed work per second, in milliseconds.
fn worth(heavy: &[Load], measured: &[Measured]) -> io::Result<f64> {
    let each = heavy.iter().zip(measured).map(|(load, measured)| {
        if measured.refused + measured.failed > 0 {
            return Err(io::Error::other("a computation was refused"));
        }
        // Beside many threads a long computation may not end within that time.
        let milliseconds = if load.connections == 4 { 300.0 } else { 5.0 };
        Ok(measured.rate() * milliseconds)
    });
    each.sum()
}

fn note_threads(of: &mut Figures, server: Server, seen: &[Threads], before: usize) {
    let peak = seen.iter().map(|threads| threads.all).max();
    of.threads
        .push(peak.unwrap_or(before).saturating_sub(before) as f64);
    let mut runnable: Vec<_> = seen
        .iter()
        .map(|threads| match server {
            Server::Hybrid => threads.runnable_of_pool,
            _ => threads.runnable,
        })
        .collect();
    runnable.sort_unstable();
    let at = runnable.len().saturating_sub(1) * 95 / 100;
    of.runnable
        .push(runnable.get(at).copied().unwrap_or(0) as f64);
}

fn write(all: &[(Beside, PerServer)]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(
        text,
        "Plain routes that compute a fixed amount of work (the table has its time alone on a \
         processor), and one that also sleeps. Each gets {RATE} requests/s: each route by \
         itself (\"alone\") and all of them at the same time (\"together\"), beside clients in \
         a closed loop on plain routes that compute for longer, and beside other programs that \
         compute all of the time. Latency counts from the time when a request was due. {ROUNDS} \
         rounds, servers in turn: the median, and in brackets the smallest and the largest \
         value. \"Runnable\" is the 95th percentile of the threads that had or wanted a \
         processor at the same time: pool threads of hybrid, all threads of the others.\n"
    )?;
    for (beside, figures) in all {
        writeln!(text, "### {}\n", beside.title())?;
        write_latencies(&mut text, figures)?;
        write_loads(&mut text, figures)?;
        verdicts(&mut text, *beside, figures)?;
    }
    Ok(text)
}

fn write_latencies(text: &mut String, figures: &PerServer) -> std::fmt::Result {
    table(
        text,
        &[
            "",
            "",
            "p50 alone, ms",
            "p99 alone, ms",
            "p50 together, ms",
            "p99 together, ms",
        ],
    )?;
    for (index, short) in SHORT.iter().enumerate() {
        for (server, of) in figures {
            let (alone, together) = (&of.alone[index], &of.together[index]);
            writeln!(
                text,
                "| {} | {server} | {:.2} | {:.1} | {:.2} | {:.1} |",
                short.title, alone.p50_ms, alone.p99_ms, together.p50_ms, together.p99_ms
            )?;
        }
    }
    writeln!(text)
}

fn write_loads(text: &mut String, figures: &PerServer) -> std::fmt::Result {
    table(
        text,
        &[
            "",
            "the computations keep",
            "threads",
            "runnable",
            "memory, MiB",
            "light async p99, ms",
            "of it kept",
        ],
    )?;
    for (server, of) in figures {
        writeln!(
            text,
            "| {server} | {:.2} | {:.0} | {:.0} | {:.1} | {:.2} | {:.3} |",
            of.kept, of.threads, of.runnable, of.memory_mib, of.light.p99_ms, of.light_kept
        )?;
    }
    writeln!(text)
}

fn verdicts(text: &mut String, beside: Beside, figures: &PerServer) -> std::fmt::Result {
    let find = |wanted| figures.iter().find(|(server, _)| *server == wanted);
    let (Some((_, ours)), Some((_, axum))) = (find(Server::Hybrid), find(Server::Axum)) else {
        return Ok(());
    };
    table(text, &["hybrid", "", "the bar", ""])?;
    let has_bars = !matches!(beside, Beside::Spinners | Beside::SpinnersApart);
    for (index, short) in SHORT.iter().enumerate() {
        for (how, ours, axum) in [
            ("alone", &ours.alone[index], &axum.alone[index]),
            ("together", &ours.together[index], &axum.together[index]),
        ] {
            for (what, ours, axum, most) in [
                ("p50", &ours.p50_ms, &axum.p50_ms, 5.0),
                ("p99", &ours.p99_ms, &axum.p99_ms, 30.0),
            ] {
                let beside_axum = (1.2 * axum.median()).max(axum.median() + 1.0);
                let bar = match has_bars {
                    true => beside_axum.min(most),
                    false => beside_axum,
                };
                // Rounded, so that the shown value and the verdict agree.
                let bar = (bar * 100.0).round() / 100.0;
                writeln!(
                    text,
                    "| {}, {how}, {what}, ms | {ours:.2} | {} |",
                    short.title,
                    Bar::AtMost(bar).judge(ours.median())
                )?;
            }
        }
    }
    if has_bars {
        let taken_ms: f64 = SHORT.iter().map(|short| short.computes_ms * RATE).sum();
        let left = 1.0 - taken_ms / (1e3 * cores() as f64);
        let bar = (0.95 * left * 100.0).round() / 100.0;
        writeln!(
            text,
            "| the computations keep, where {left:.2} is left | {:.2} | {} |",
            ours.kept,
            Bar::AtLeast(bar).judge(ours.kept.median())
        )?;
        writeln!(
            text,
            "| light async kept | {:.3} | {} |",
            ours.light_kept,
            Bar::AtLeast(0.99).judge(ours.light_kept.median())
        )?;
    }
    writeln!(
        text,
        "| runnable threads of the pool | {:.0} | {} |\n",
        ours.runnable,
        Bar::AtMost(cores() as f64 + 3.0).judge(ours.runnable.median())
    )
}
