//! The measurements, one section of the report each.

mod beside;
mod build;
mod four;
mod hop;
mod instructions;
mod measuring;
mod memory;
mod neighbours;
mod processes;
mod seen;
mod sleepers;
mod start;
mod tails;
mod throughput;

use std::{fmt, fmt::Write as _, io, time::Duration};

use crate::{
    bench::Bench,
    load::{self, Load, Measured, Span},
};

/// A section of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// What a request costs.
    Instructions,
    /// The part of it that is measuring.
    Measuring,
    /// The cost of a thread, compared with the event loop.
    Hop,
    /// The cost of a process, compared with a thread.
    Processes,
    /// A light route beside a load.
    Beside,
    /// Short plain routes beside long ones, and beside other programs.
    Neighbours,
    /// Handlers that sleep and that compute, from a cold start.
    Sleepers,
    /// The four workloads, with hybrid's lanes and with threads only.
    Workloads,
    /// Requests a second.
    Throughput,
    /// Tail latencies at a fixed rate.
    Tails,
    /// Memory of connections that wait.
    Memory,
    /// From the start to the first answer.
    Start,
    /// How long an app builds.
    Build,
    /// Behaviour that one run shows.
    Seen,
}

impl Section {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 14] = [
        Self::Instructions,
        Self::Measuring,
        Self::Hop,
        Self::Processes,
        Self::Beside,
        Self::Neighbours,
        Self::Sleepers,
        Self::Workloads,
        Self::Throughput,
        Self::Tails,
        Self::Memory,
        Self::Start,
        Self::Build,
        Self::Seen,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Measuring => "measuring",
            Self::Hop => "hop",
            Self::Processes => "processes",
            Self::Beside => "beside",
            Self::Neighbours => "neighbours",
            Self::Sleepers => "sleepers",
            Self::Workloads => "workloads",
            Self::Throughput => "throughput",
            Self::Tails => "tails",
            Self::Memory => "memory",
            Self::Start => "start",
            Self::Build => "build",
            Self::Seen => "seen",
        }
    }

    /// Its name in the report.
    pub fn title(self) -> &'static str {
        match self {
            Self::Instructions => "What a request costs",
            Self::Measuring => "What measuring costs",
            Self::Hop => "What a thread costs",
            Self::Processes => "What a process costs",
            Self::Beside => "A light route beside a load",
            Self::Neighbours => "Short handlers beside long ones",
            Self::Sleepers => "From a cold start",
            Self::Workloads => "Four workloads in one binary",
            Self::Throughput => "Requests per second",
            Self::Tails => "Tail latencies at a fixed rate",
            Self::Memory => "Idle connections",
            Self::Start => "From start to first response",
            Self::Build => "How long an app builds",
            Self::Seen => "Special cases",
        }
    }

    /// The section of that name.
    ///
    /// # Errors
    /// There is none.
    pub fn named(name: &str) -> Result<Self, String> {
        let section = Self::ALL.into_iter().find(|section| section.name() == name);
        section.ok_or_else(|| format!("there is no section `{name}`"))
    }

    /// Measures it and writes it as Markdown, without its title.
    ///
    /// # Errors
    /// A server does not start or does not answer as it must, or a tool is
    /// missing.
    pub fn measure(self, bench: &Bench) -> io::Result<String> {
        match self {
            Self::Instructions => instructions::measure(bench),
            Self::Measuring => measuring::measure(bench),
            Self::Hop => hop::measure(bench),
            Self::Processes => processes::measure(bench),
            Self::Beside => beside::measure(bench),
            Self::Neighbours => neighbours::measure(bench),
            Self::Sleepers => sleepers::measure(bench),
            Self::Workloads => four::measure(bench),
            Self::Throughput => throughput::measure(bench),
            Self::Tails => tails::measure(bench),
            Self::Memory => memory::measure(bench),
            Self::Start => start::measure(bench),
            Self::Build => build::measure(bench),
            Self::Seen => seen::measure(bench),
        }
    }
}

/// The head of a table.
fn table(text: &mut String, columns: &[&str]) -> fmt::Result {
    writeln!(text, "| {} |", columns.join(" | "))?;
    let rule = columns
        .iter()
        .enumerate()
        .map(|(index, _)| if index == 0 { "---" } else { "---:" });
    writeln!(text, "|{}|", rule.collect::<Vec<_>>().join("|"))
}

/// Checks that every response of a load was 2xx; otherwise its result does not count.
fn answered<'a>(measured: &'a Measured, what: &str) -> io::Result<&'a Measured> {
    let Measured {
        answered,
        refused,
        failed,
        ..
    } = measured;
    if *answered == 0 || refused + failed > 0 {
        return Err(io::Error::other(format!(
            "{what}: {answered} answers, {refused} refused, {failed} failed"
        )));
    }
    Ok(measured)
}

/// Runs a load whose requests must all succeed. Also returns the server's processor time per
/// response, in microseconds.
fn timed(
    load: Load,
    span: Span,
    what: &str,
    clock: impl Fn() -> io::Result<Duration>,
) -> io::Result<(Measured, f64)> {
    let mut edges = Vec::new();
    let mut measured = load::drive_watched(&[load], span, |_| {
        edges.push(clock()?);
        Ok(())
    })?;
    let measured = measured.swap_remove(0);
    let answers = answered(&measured, what)?.answered as f64;
    let used = edges[1].saturating_sub(edges[0]);
    Ok((measured, used.as_secs_f64() * 1e6 / answers))
}
