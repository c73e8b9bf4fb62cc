//! Four workloads in one binary, as hybrid runs them and with threads only.

use std::{fmt::Write as _, io, process::Command};

use super::table;
use crate::{
    bench::Bench,
    load::{self, Load},
    postgres::Postgres,
    process::Running,
    rounds::{Bar, Rounds},
    servers::{self, Server},
};

const CLIENTS: usize = 64;
/// Enough rounds to avoid accidental differences between equal modes.
const ROUNDS: usize = 7;
/// Light requests a second beside the images, and their connections.
const LIGHT: f64 = 500.0;
const LIGHT_CONNECTIONS: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Hybrid,
    SyncOnly,
}

/// One of the four.
#[derive(Debug, Clone, Copy)]
struct Work {
    path: &'static str,
    title: &'static str,
    written: &'static str,
    needs_database: bool,
    bar: f64,
}

const WORKS: [Work; 4] = [
    Work {
        path: "/profile",
        title: "JSON from a service that takes 5 ms",
        written: "`async fn`, hyper's client",
        needs_database: false,
        bar: 3.9,
    },
    Work {
        path: "/people",
        title: "a query that takes 10 ms",
        written: "`async fn`, tokio-postgres and deadpool",
        needs_database: true,
        bar: 5.4,
    },
    Work {
        path: "/page",
        title: "a template with data from that query",
        written: "plain `fn`, `block_on` the query, minijinja",
        needs_database: true,
        bar: 7.7,
    },
    Work {
        path: "/thumbnail",
        title: "a JPEG of 800 × 600 to 160 × 120",
        written: "plain `fn`, image",
        needs_database: false,
        bar: 0.95,
    },
];

/// One workload in all rounds.
#[derive(Debug, Default)]
struct Figures {
    hybrid: Rounds,
    sync_only: Rounds,
    hybrid_p99_ms: Rounds,
    sync_only_p99_ms: Rounds,
}

/// The light route beside the images, in all rounds.
#[derive(Debug, Default)]
struct Beside {
    hybrid_p99_ms: Rounds,
    sync_only_p99_ms: Rounds,
}

/// The other servers that the workloads need.
struct Surroundings {
    database: Option<Postgres>,
    service: Running,
}

/// Measures and writes the section.
///
/// # Errors
/// A server does not start, or does not answer.
pub(super) fn measure(bench: &Bench) -> io::Result<String> {
    let surroundings = Surroundings {
        database: Postgres::start()?,
        service: bench.start_with(Server::Downstream, "/", |_| ())?,
    };
    let mut figures = WORKS.map(|work| (work, Figures::default()));
    let mut beside = Beside::default();
    for _ in 0..bench.rounds(ROUNDS) {
        for mode in [Mode::Hybrid, Mode::SyncOnly] {
            let mut running = bench.start_with(Server::Four, "/light", |command| {
                configure(command, &surroundings, mode);
            })?;
            round(
                bench,
                &running,
                &surroundings,
                mode,
                &mut figures,
                &mut beside,
            )?;
            running.stop()?;
        }
    }
    let version = surroundings
        .database
        .map(|database| database.version.clone());
    write(&figures, &beside, version.as_deref()).map_err(io::Error::other)
}

fn configure(command: &mut Command, surroundings: &Surroundings, mode: Mode) {
    let service = surroundings.service.addr.to_string();
    command.env(servers::DOWNSTREAM, service);
    if let Some(database) = &surroundings.database {
        command.env(servers::DATABASE, database.socket());
    }
    if mode == Mode::SyncOnly {
        command.env("HYBRID_MODE", "sync_only");
        command.env("HYBRID_MAX_THREADS", "4");
    }
}

fn round(
    bench: &Bench,
    running: &Running,
    surroundings: &Surroundings,
    mode: Mode,
    figures: &mut [(Work, Figures)],
    beside: &mut Beside,
) -> io::Result<()> {
    for (work, figures) in figures {
        if work.needs_database && surroundings.database.is_none() {
            continue;
        }
        let load = Load::closed(running.addr, work.path, bench.clients(CLIENTS));
        let measured = load::drive(&[load], bench.span(700, 2_000))?;
        let measured = super::answered(&measured[0], work.path)?;
        let (rate, p99_ms) = match mode {
            Mode::Hybrid => (&mut figures.hybrid, &mut figures.hybrid_p99_ms),
            Mode::SyncOnly => (&mut figures.sync_only, &mut figures.sync_only_p99_ms),
        };
        rate.push(measured.rate());
        p99_ms.push(measured.latencies.p99_ms());
    }
    let loads = [
        Load::open(running.addr, "/light", LIGHT_CONNECTIONS, LIGHT),
        Load::closed(running.addr, "/thumbnail", bench.clients(CLIENTS)),
    ];
    let measured = load::drive(&loads, bench.span(500, 2_000))?;
    match mode {
        Mode::Hybrid => beside.hybrid_p99_ms.push(measured[0].latencies.p99_ms()),
        Mode::SyncOnly => beside.sync_only_p99_ms.push(measured[0].latencies.p99_ms()),
    }
    Ok(())
}

fn write(
    figures: &[(Work, Figures)],
    beside: &Beside,
    database: Option<&str>,
) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let database =
        database.unwrap_or("PostgreSQL is not installed, so that what needs it is missing");
    writeln!(
        text,
        "One binary with its defaults, and the same with `HYBRID_MODE=sync_only \
         HYBRID_MAX_THREADS=4`: four threads, each running one handler at a time to its end. \
         The numbers are responses per second of {CLIENTS} clients in a closed loop, with a \
         fresh server in each of {ROUNDS} rounds, modes in turn. The database: {database}, a \
         separate cluster on a Unix socket, 64 connections in the pool. The database, the \
         service and the load generator share the cores.\n"
    )?;
    table(
        &mut text,
        &[
            "",
            "written as",
            "hybrid",
            "p99, ms",
            "four workers",
            "p99, ms",
            "hybrid is ×",
            "the bar",
            "",
        ],
    )?;
    for (work, of) in figures {
        let ratio = of.hybrid.over(&of.sync_only);
        write!(text, "| {} | {} |", work.title, work.written)?;
        if of.hybrid.median().is_nan() {
            writeln!(text, " no database | | | | | | |")?;
            continue;
        }
        writeln!(
            text,
            " {:.0} | {:.1} | {:.0} | {:.1} | {ratio:.2} | {} |",
            of.hybrid,
            of.hybrid_p99_ms,
            of.sync_only,
            of.sync_only_p99_ms,
            Bar::AtLeast(work.bar).judge(ratio.median())
        )?;
    }
    writeln!(
        text,
        "\nAn async route with {LIGHT} requests/s on {LIGHT_CONNECTIONS} connections, beside \
         {CLIENTS} clients that request images:\n"
    )?;
    table(&mut text, &["", "p99, ms", "the bar", ""])?;
    let p99 = beside.hybrid_p99_ms.median();
    writeln!(
        text,
        "| hybrid | {:.2} | {} |",
        beside.hybrid_p99_ms,
        Bar::AtMost(2.0).judge(p99)
    )?;
    writeln!(
        text,
        "| four workers | {:.2} | | |",
        beside.sync_only_p99_ms
    )?;
    Ok(text)
}
