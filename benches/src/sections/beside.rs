//! A light route beside a load that uses all processors.

use std::{fmt::Write as _, io};

use super::table;
use crate::{
    bench::Bench,
    load::{self, Load, Measured},
    process::Running,
    rounds::{Bar, Rounds},
    servers::Server,
};

/// Light requests a second, and their connections.
const LIGHT: f64 = 2_000.0;
const LIGHT_CONNECTIONS: usize = 16;
/// Clients that compute.
const CLIENTS: usize = 32;
const ROUNDS: usize = 5;

/// One server in all rounds.
#[derive(Debug, Default)]
struct Figures {
    alone: Light,
    beside: Light,
    /// Computations per second, with the light route in another process.
    load_apart: Rounds,
    /// Computations per second, with the light route in the same process.
    load_beside: Rounds,
    /// The load generator's share of one core.
    generator: Rounds,
}

/// The light route in all rounds.
#[derive(Debug, Default)]
struct Light {
    /// Responses divided by due requests.
    kept: Rounds,
    p50_ms: Rounds,
    p99_ms: Rounds,
    late_p99_ms: Rounds,
}

impl Light {
    fn note(&mut self, measured: &Measured) {
        self.kept.push(measured.rate() / LIGHT);
        self.p50_ms.push(measured.latencies.p50_ms());
        self.p99_ms.push(measured.latencies.p99_ms());
        self.late_p99_ms.push(measured.late.p99_ms());
    }
}

/// Measures and writes the section.
///
/// # Errors
/// A server does not start, or does not answer.
pub(super) fn measure(bench: &Bench) -> io::Result<String> {
    let mut figures = Server::WITH_THREADS.map(|server| (server, Figures::default()));
    for _ in 0..bench.rounds(ROUNDS) {
        for (server, figures) in &mut figures {
            round(bench, *server, figures)?;
        }
    }
    write(&figures).map_err(io::Error::other)
}

fn round(bench: &Bench, server: Server, figures: &mut Figures) -> io::Result<()> {
    let mut running = bench.start(server)?;
    let mut other = bench.start(server)?;
    let light = |of: &Running| Load::open(of.addr, "/async", LIGHT_CONNECTIONS, LIGHT);
    let heavy = Load::closed(running.addr, "/compute10", bench.clients(CLIENTS));

    let alone = load::drive(&[light(&running)], bench.span(300, 2_000))?;
    figures.alone.note(&alone[0]);

    let apart = load::drive(&[light(&other), heavy.clone()], bench.span(700, 3_000))?;
    figures
        .load_apart
        .push(super::answered(&apart[1], "/compute10")?.rate());

    let beside = load::drive(&[light(&running), heavy], bench.span(700, 3_000))?;
    figures.beside.note(&beside[0]);
    let heavy = super::answered(&beside[1], "/compute10")?;
    figures.load_beside.push(heavy.rate());
    let window = beside[0].window.as_secs_f64();
    figures
        .generator
        .push(beside[0].own_cpu.as_secs_f64() / window);

    other.stop()?;
    running.stop()
}

fn write(figures: &[(Server, Figures)]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(
        text,
        "An async route gets {LIGHT} requests/s on {LIGHT_CONNECTIONS} connections, alone and \
         beside {CLIENTS} clients in a closed loop on a route that computes a fixed amount of \
         work, 10 ms of a processor alone. Latency counts from the time when a request was due; \
         due requests without a response are charged too. \"The load keeps\" is the rate of the \
         load beside the light route, divided by its rate while another process of the same \
         server has the light route. {ROUNDS} rounds: the median, and in brackets the smallest \
         and the largest value.\n"
    )?;
    writeln!(
        text,
        "The load generator shares the cores: beside hybrid's load it uses {:.2} of one core. \
         \"late\" is the delay of the generator itself when a connection was free (p99); the \
         latencies include it.\n",
        figures[0].1.generator
    )?;
    table(
        &mut text,
        &[
            "",
            "",
            "responses / due",
            "p50, ms",
            "p99, ms",
            "late, ms",
            "the load a second",
        ],
    )?;
    for (server, of) in figures {
        for (what, light, load) in [
            ("alone", &of.alone, &of.load_apart),
            ("beside", &of.beside, &of.load_beside),
        ] {
            writeln!(
                text,
                "| {server} | {what} | {:.3} | {:.2} | {:.2} | {:.2} | {load:.0}{} |",
                light.kept,
                light.p50_ms,
                light.p99_ms,
                light.late_p99_ms,
                if what == "alone" { ", light apart" } else { "" },
            )?;
        }
    }
    writeln!(text)?;
    verdicts(&mut text, figures)?;
    Ok(text)
}

fn verdicts(text: &mut String, figures: &[(Server, Figures)]) -> std::fmt::Result {
    table(text, &["", "what", "", "the bar", ""])?;
    for (server, of) in figures {
        let kept = of.beside.kept.median();
        let p99 = of.beside.p99_ms.median();
        let load = of.load_beside.over(&of.load_apart);
        let p99_bar = (2.0 * of.alone.p99_ms.median()).max(1.0);
        // Rounded, so that the shown value and the verdict agree.
        let p99_bar = (p99_bar * 100.0).round() / 100.0;
        writeln!(
            text,
            "| {server} | p99 beside the load, ms | {p99:.2} | {} |",
            Bar::AtMost(p99_bar).judge(p99)
        )?;
        writeln!(
            text,
            "| {server} | light requests kept | {kept:.3} | {} |",
            Bar::AtLeast(0.99).judge(kept)
        )?;
        writeln!(
            text,
            "| {server} | the load keeps of its rate | {load:.3} | {} |",
            Bar::AtLeast(0.92).judge(load.median())
        )?;
    }
    Ok(())
}
