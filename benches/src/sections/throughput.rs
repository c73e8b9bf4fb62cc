//! Requests per second with enough clients to keep all cores busy, beside peers in Rust and in
//! Python.
//!
//! The load generator shares the cores with the servers. So the processor time per request is
//! more exact than the rate: it is the server's alone.

use std::{fmt::Write as _, io};

use super::{table, timed};
use crate::{
    bench::{Bench, Effort},
    client,
    load::{Load, Pace},
    process::Running,
    python::{Installed, Peer},
    rounds::Rounds,
    servers::Server,
    workload::Workload,
};

const CLIENTS: usize = 64;
const ROUNDS: usize = 5;

/// The servers of this section.
#[derive(Debug)]
enum Asked {
    Rust(Server),
    Python(Installed),
}

impl Asked {
    fn name(&self) -> &'static str {
        match self {
            Self::Rust(server) => server.name(),
            Self::Python(installed) => installed.peer.name(),
        }
    }

    fn answers(&self, workload: Workload) -> bool {
        match self {
            Self::Rust(server) => workload.servers().contains(server),
            Self::Python(_) => true,
        }
    }

    fn start(&self, bench: &Bench) -> io::Result<Running> {
        match self {
            Self::Rust(server) => bench.start_with(*server, "/json", |_| ()),
            Self::Python(installed) => installed.start(),
        }
    }
}

/// One workload of one server in all rounds.
#[derive(Debug, Default)]
struct Figures {
    rate: Rounds,
    p50_ms: Rounds,
    p99_ms: Rounds,
    /// Processor time per request, in microseconds.
    cpu_us: Rounds,
}

/// One server.
#[derive(Debug)]
struct Of {
    asked: Asked,
    /// In the order of [`Workload::ALL`].
    figures: [Figures; 3],
}

/// Measures and writes the section.
///
/// # Errors
/// A server does not start, or does not answer as it must.
pub(super) fn measure(bench: &Bench) -> io::Result<String> {
    let (asked, missing) = who(bench);
    let mut all: Vec<_> = asked
        .into_iter()
        .map(|asked| Of {
            asked,
            figures: Default::default(),
        })
        .collect();
    for _ in 0..bench.rounds(ROUNDS) {
        for of in &mut all {
            round(bench, of)?;
        }
    }
    write(&all, &missing).map_err(io::Error::other)
}

/// The servers that can run here, and why others cannot.
fn who(bench: &Bench) -> (Vec<Asked>, Vec<String>) {
    let mut asked: Vec<_> = Server::COMPARED.map(Asked::Rust).into();
    let mut missing = Vec::new();
    for peer in Peer::ALL {
        if bench.effort == Effort::Small {
            missing.push(format!("{}: a test installs nothing", peer.name()));
            continue;
        }
        match peer.install(bench) {
            Ok(installed) => asked.push(Asked::Python(installed)),
            Err(error) => missing.push(format!("{} ({}): {error}", peer.name(), peer.version())),
        }
    }
    (asked, missing)
}

fn round(bench: &Bench, of: &mut Of) -> io::Result<()> {
    let mut running = of.asked.start(bench)?;
    for (workload, figures) in Workload::ALL.into_iter().zip(&mut of.figures) {
        if of.asked.answers(workload) {
            saturate(bench, &running, of.asked.name(), workload, figures)?;
        }
    }
    match of.asked {
        Asked::Rust(_) => running.stop(),
        Asked::Python(_) => running.kill(),
    }
}

fn saturate(
    bench: &Bench,
    running: &Running,
    name: &str,
    workload: Workload,
    figures: &mut Figures,
) -> io::Result<()> {
    let request = workload.request();
    let answer = client::ask_once(running.addr, &request)?;
    if answer.status != 200 || answer.body != workload.answer() {
        return Err(io::Error::other(format!("{name}: unexpected: {answer:?}")));
    }
    let load = Load {
        addr: running.addr,
        request,
        connections: bench.clients(CLIENTS),
        pace: Pace::Closed,
    };
    let (measured, cpu_us) = timed(load, bench.span(400, 1_500), name, || running.cpu_of_all())?;
    figures.rate.push(measured.rate());
    figures.p50_ms.push(measured.latencies.p50_ms());
    figures.p99_ms.push(measured.latencies.p99_ms());
    figures.cpu_us.push(cpu_us);
    Ok(())
}

fn write(all: &[Of], missing: &[String]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(
        text,
        "{CLIENTS} clients in a closed loop, on the same cores as the server; {ROUNDS} rounds, \
         servers in turn. Processor time is user and system time of the server and its child \
         processes."
    )?;
    for of in all {
        if let Asked::Python(installed) = &of.asked {
            let (version, python) = (installed.peer.version(), installed.python());
            write!(text, " {version} on {python}.")?;
        }
    }
    writeln!(
        text,
        " FastAPI runs on uvicorn with uvloop, one process per core, with `async def` handlers. \
         Catzilla has one process and plain handlers, which are its faster kind."
    )?;
    for missing in missing {
        writeln!(text, "\nNot measured: {missing}.")?;
    }
    for (index, workload) in Workload::ALL.into_iter().enumerate() {
        writeln!(text, "\n### {}\n", workload.title())?;
        let columns = [
            "",
            "requests a second",
            "p50, ms",
            "p99, ms",
            "processor time, µs",
            "hybrid's rate is ×",
            "its processor time is ×",
        ];
        table(&mut text, &columns)?;
        let ours = &all[0].figures[index];
        for of in all.iter().filter(|of| of.asked.answers(workload)) {
            row(&mut text, of.asked.name(), &of.figures[index], ours)?;
        }
    }
    Ok(text)
}

fn row(text: &mut String, name: &str, of: &Figures, ours: &Figures) -> std::fmt::Result {
    let (rate, cpu) = (ours.rate.over(&of.rate), ours.cpu_us.over(&of.cpu_us));
    writeln!(
        text,
        "| {name} | {:.0} | {:.2} | {:.2} | {:.1} | {rate:.2} | {cpu:.2} |",
        of.rate, of.p50_ms, of.p99_ms, of.cpu_us
    )
}
