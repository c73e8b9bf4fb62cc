//! The hop: the cost of running a handler on a thread instead of the event loop.

use std::{fmt::Write as _, io};

use super::{answered, table, timed};
use crate::{
    bench::Bench,
    load::{self, Load},
    process::Running,
    rounds::{Bar, Rounds},
    servers::Server,
};

const CLIENTS: usize = 64;
const ROUNDS: usize = 5;

/// One server in all rounds.
#[derive(Debug, Default)]
struct Figures {
    /// Processor time per request, in microseconds.
    on_loop: Rounds,
    on_thread: Rounds,
    /// Requests a second.
    rate_on_loop: Rounds,
    rate_on_thread: Rounds,
    /// Median latency with one client, in microseconds.
    alone_on_loop: Rounds,
    alone_on_thread: Rounds,
    /// The load generator's processor time per request, in microseconds.
    generator: Rounds,
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
    let [on_loop, on_thread] = ["/async", "/plain"].map(|path| saturate(bench, &running, path));
    let (on_loop, on_thread) = (on_loop?, on_thread?);
    figures.on_loop.push(on_loop.cpu_us);
    figures.on_thread.push(on_thread.cpu_us);
    figures.rate_on_loop.push(on_loop.rate);
    figures.rate_on_thread.push(on_thread.rate);
    figures.generator.push(on_loop.generator_us);
    figures
        .alone_on_loop
        .push(alone(bench, &running, "/async")?);
    figures
        .alone_on_thread
        .push(alone(bench, &running, "/plain")?);
    running.stop()
}

/// One round of one route under full load.
pub(super) struct Saturated {
    pub(super) cpu_us: f64,
    pub(super) rate: f64,
    pub(super) generator_us: f64,
}

pub(super) fn saturate(bench: &Bench, running: &Running, path: &str) -> io::Result<Saturated> {
    let load = Load::closed(running.addr, path, CLIENTS);
    let (measured, cpu_us) = timed(load, bench.span(300, 1_200), path, || running.cpu())?;
    Ok(Saturated {
        cpu_us,
        rate: measured.rate(),
        generator_us: measured.own_cpu.as_secs_f64() * 1e6 / measured.answered as f64,
    })
}

fn alone(bench: &Bench, running: &Running, path: &str) -> io::Result<f64> {
    let load = Load::closed(running.addr, path, 1);
    let measured = load::drive(&[load], bench.span(100, 600))?;
    Ok(answered(&measured[0], path)?.latencies.p50_ms() * 1e3)
}

fn write(figures: &[(Server, Figures)]) -> Result<String, std::fmt::Error> {
    let mut text = String::from(
        "A trivial handler as `async fn` on the event loop and as a plain function on a thread: \
         a plain `fn` for hybrid, `spawn_blocking` for axum, `web::block` for actix-web. \
         Processor time is user and system time of all threads of the server, over a window \
         with a known number of responses. The hop is the difference.",
    );
    let generator = &figures[0].1.generator;
    writeln!(
        text,
        " {CLIENTS} clients in a closed loop, {ROUNDS} rounds. The load generator uses \
         {generator:.1} µs per request on the same cores. The rates include that, the processor \
         times do not.\n"
    )?;
    table(
        &mut text,
        &[
            "",
            "on the loop, µs",
            "on a thread, µs",
            "the hop, µs",
            "rate on the loop",
            "rate on threads",
        ],
    )?;
    for (server, of) in figures {
        let hop = of.on_thread.minus(&of.on_loop);
        writeln!(
            text,
            "| {server} | {:.2} | {:.2} | {hop:.2} | {:.0} | {:.0} |",
            of.on_loop, of.on_thread, of.rate_on_loop, of.rate_on_thread
        )?;
    }
    writeln!(text, "\nMedian latency with one client:\n")?;
    table(&mut text, &["", "on the loop, µs", "on a thread, µs"])?;
    for (server, of) in figures {
        writeln!(
            text,
            "| {server} | {:.1} | {:.1} |",
            of.alone_on_loop, of.alone_on_thread
        )?;
    }
    writeln!(text)?;
    verdicts(&mut text, figures)?;
    Ok(text)
}

fn verdicts(text: &mut String, figures: &[(Server, Figures)]) -> std::fmt::Result {
    table(text, &["hybrid is", "of", "×", "the bar", ""])?;
    let Some((_, ours)) = figures.iter().find(|(server, _)| *server == Server::Hybrid) else {
        return Ok(());
    };
    let hop = |of: &Figures| of.on_thread.minus(&of.on_loop);
    for (server, of) in figures
        .iter()
        .filter(|(server, _)| *server != Server::Hybrid)
    {
        let hops = hop(ours).over(&hop(of));
        let latency = ours.alone_on_thread.over(&of.alone_on_thread);
        let (hop_bar, latency_bar) = match server {
            Server::Axum => (
                Bar::AtMost(0.2).judge(hops.median()),
                Bar::AtMost(1.0).judge(latency.median()),
            ),
            _ => (" | ".to_owned(), " | ".to_owned()),
        };
        writeln!(
            text,
            "| the hop's processor time | {server}'s | {hops:.2} | {hop_bar} |"
        )?;
        writeln!(
            text,
            "| the latency of one client on a thread | {server}'s | {latency:.2} | {latency_bar} |"
        )?;
    }
    Ok(())
}
