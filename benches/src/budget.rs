//! The small measurement for every change: instructions of hybrid, hyper and axum for each
//! workload, compared with `budget.toml`.
//!
//! The verdict uses the ratio to a peer of the same run: to hyper, or to axum if hyper has no such
//! route. Absolute counts depend on the machine (the C library chooses its `memcpy` by the
//! processor), the compiler and the C library; both sides of a ratio change together. So a budget
//! of one machine holds on another, and the absolute counts are only shown. This measurement does
//! not notice a dependency that makes both sides more expensive; the report shows it.
//!
//! Time, threads and other peers are in the report, not here.

use std::{
    env,
    error::Error,
    fmt::{self, Write as _},
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use toml::Table;

use crate::{
    bench::{Bench, Effort},
    callgrind::{self, Asked},
    servers::Server,
    workload::Workload,
};

/// How far from its budget a ratio may be.
const TOLERANCE: f64 = 0.02;

/// The number of rounds, of which the smallest count is used. A busy machine adds instructions
/// (more wake-ups with less work in each, threads that work by the clock) and removes none. On a
/// busy machine, medians of three rounds differed by 2 %.
const ROUNDS: usize = 5;

/// The servers that are counted, if they have the route.
const SERVERS: [Server; 3] = [Server::Hyper, Server::Axum, Server::Hybrid];

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Fail if the budget is exceeded.
    Judge,
    /// Only report it.
    Report,
    /// Write a new budget.
    Set,
}

/// Counts, then checks or sets the budget. The option is `--report-only`, `--set` or none.
///
/// # Errors
/// There is no such option, valgrind is not there, or a server does not answer as
/// it must.
pub fn run(options: &[&str]) -> Result<ExitCode, Box<dyn Error>> {
    let purpose = match options {
        [] => Purpose::Judge,
        ["--report-only"] => Purpose::Report,
        ["--set"] => Purpose::Set,
        _ => return Err("`budget` takes `--report-only` or `--set`".into()),
    };
    let bench = Bench::new(env::current_exe()?, Effort::Full)?;
    let now = Counts::measure(&bench)?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("budget.toml");
    if purpose == Purpose::Set {
        fs::write(&path, now.write()?)?;
    }
    let then = Counts::parse(&fs::read_to_string(&path)?)?;
    let verdicts = Workload::ALL.map(|workload| Verdict::of(workload, &now, &then));
    let text = write(&now, &then, &verdicts)?;
    io::stdout().write_all(text.as_bytes())?;
    let is_over = verdicts.contains(&Verdict::Over);
    Ok(match purpose {
        Purpose::Judge if is_over => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

/// The form for a test: counts few requests and gives no verdict.
///
/// # Errors
/// As [`run`].
pub fn try_out(program: PathBuf) -> Result<String, Box<dyn Error>> {
    let counts = Counts::measure(&Bench::new(program, Effort::Small)?)?;
    let again = Counts::parse(&counts.write()?)?;
    let verdicts = Workload::ALL.map(|workload| Verdict::of(workload, &counts, &again));
    Ok(write(&counts, &again, &verdicts)?)
}

// === Counts ===

/// The cost of every request on every server, and the compiler.
#[derive(Debug)]
struct Counts {
    rustc: String,
    /// In the order of [`Workload::ALL`].
    of: [Vec<(Server, f64)>; 3],
}

impl Counts {
    fn measure(bench: &Bench) -> io::Result<Self> {
        let mut of = [const { Vec::new() }; 3];
        for (workload, counts) in Workload::ALL.into_iter().zip(&mut of) {
            for server in SERVERS {
                if workload.servers().contains(&server) {
                    let asked = Asked::of(server, workload);
                    counts.push((server, callgrind::count(bench, &asked, ROUNDS)?.least()));
                }
            }
        }
        let rustc = Command::new("rustc").arg("--version").output()?.stdout;
        Ok(Self {
            rustc: String::from_utf8_lossy(&rustc).trim().to_owned(),
            of,
        })
    }

    fn parse(text: &str) -> Result<Self, Box<dyn Error>> {
        let table: Table = text.parse()?;
        let rustc = table.get("rustc").and_then(|rustc| rustc.as_str());
        let of = Workload::ALL.map(|workload| {
            let counts = table.get(workload.name()).and_then(|of| of.as_table());
            let counts = counts.into_iter().flatten();
            counts
                .filter_map(|(server, count)| {
                    Some((Server::named(server).ok()?, count.as_integer()? as f64))
                })
                .collect()
        });
        let rustc = rustc.unwrap_or("an unknown compiler").to_owned();
        Ok(Self { rustc, of })
    }

    fn write(&self) -> Result<String, fmt::Error> {
        let mut text = String::from(
            "# Instructions a request, by which later ones are judged. Written by\n\
             # `cargo run --profile budget --no-default-features -- budget --set` in this folder.\n",
        );
        writeln!(text, "rustc = \"{}\"", self.rustc)?;
        for (workload, counts) in Workload::ALL.into_iter().zip(&self.of) {
            writeln!(text, "\n[{}] # {}", workload.name(), workload.title())?;
            for (server, count) in counts {
                writeln!(text, "{server} = {count:.0}")?;
            }
        }
        Ok(text)
    }

    /// NaN if the count is missing; no budget accepts that.
    fn get(&self, workload: Workload, server: Server) -> f64 {
        let counts = &self.of[workload as usize];
        let count = counts.iter().find(|(of, _)| *of == server);
        count.map_or(f64::NAN, |(_, count)| *count)
    }

    /// The ratio of hybrid to its reference.
    fn ratio(&self, workload: Workload) -> f64 {
        self.get(workload, Server::Hybrid) / self.get(workload, reference(workload))
    }
}

/// The reference of hybrid's count: the server with the thinnest layer on the workload.
fn reference(workload: Workload) -> Server {
    match workload {
        Workload::Json | Workload::Items => Server::Hyper,
        Workload::Process => Server::Axum,
    }
}

// === Verdicts ===

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Kept,
    Over,
    Better,
}

impl Verdict {
    fn of(workload: Workload, now: &Counts, then: &Counts) -> Self {
        match change(now.ratio(workload), then.ratio(workload)) {
            less if less < -TOLERANCE => Self::Better,
            near if near <= TOLERANCE => Self::Kept,
            // Also if there is no budget.
            _ => Self::Over,
        }
    }

    fn text(self, change: f64) -> String {
        match self {
            Self::Kept => format!("kept ({:+.1} %)", change * 100.0),
            Self::Over => format!("**over by {:.1} %**", change * 100.0),
            Self::Better => format!("better by {:.1} %: lower the budget", change * -100.0),
        }
    }
}

fn change(now: f64, then: f64) -> f64 {
    now / then - 1.0
}

fn write(now: &Counts, then: &Counts, verdicts: &[Verdict]) -> Result<String, fmt::Error> {
    let mut text = String::from("Instructions a request:\n\n");
    writeln!(
        text,
        "| {:31} | {:>7} | {:>7} | {:>7} | {:>6} | hybrid is × | budget |",
        "", "hyper", "axum", "hybrid", "budget"
    )?;
    writeln!(text, "|---|---:|---:|---:|---:|---:|---:|---|")?;
    for (workload, verdict) in Workload::ALL.into_iter().zip(verdicts) {
        let counts = SERVERS.map(|server| cell(now.get(workload, server)));
        let [ratio, budget] = [now, then].map(|counts| counts.ratio(workload));
        writeln!(
            text,
            "| {:31} | {} | {:>6.0} | {ratio:.3} of {:5} | {budget:.3} | {} |",
            workload.title(),
            counts.join(" | "),
            then.get(workload, Server::Hybrid),
            reference(workload).name(),
            verdict.text(change(ratio, budget))
        )?;
    }
    notes(&mut text, now, then)?;
    Ok(text)
}

fn cell(count: f64) -> String {
    if count.is_nan() {
        return format!("{:>7}", "—");
    }
    format!("{count:>7.0}")
}

/// The reasons why absolute counts differ from those of the budget.
fn notes(text: &mut String, now: &Counts, then: &Counts) -> fmt::Result {
    if now.rustc != then.rustc {
        writeln!(
            text,
            "\nThe budget was taken with {}; this is {}.",
            then.rustc, now.rustc
        )?;
    }
    for workload in Workload::ALL {
        let server = reference(workload);
        let change = change(now.get(workload, server), then.get(workload, server));
        if change.abs() > TOLERANCE {
            writeln!(
                text,
                "\n{}: {server} itself counts {:+.1} % here, by another machine, compiler or version: \
                 read the ratio only.",
                workload.title(),
                change * 100.0
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(hyper: u32, hybrid: u32) -> Counts {
        let text = format!(
            "[json]\nhyper = {hyper}\nhybrid = {hybrid}\n[items]\nhyper = 1\nhybrid = 1\n\
             [process]\naxum = 1\nhybrid = 1\n"
        );
        Counts::parse(&text).unwrap()
    }

    #[test]
    fn the_ratio_is_judged_and_not_the_count() {
        let then = counts(1_000, 1_500);
        let verdict = |now: &Counts| Verdict::of(Workload::Json, now, &then);
        assert_eq!(verdict(&counts(1_000, 1_529)), Verdict::Kept);
        assert_eq!(verdict(&counts(1_100, 1_650)), Verdict::Kept);
        assert_eq!(verdict(&counts(1_000, 1_531)), Verdict::Over);
        assert_eq!(verdict(&counts(1_000, 1_460)), Verdict::Better);
    }

    #[test]
    fn what_has_no_budget_is_over_it() {
        let then = Counts::parse("").unwrap();
        let now = counts(1_000, 1_500);
        assert_eq!(Verdict::of(Workload::Json, &now, &then), Verdict::Over);
    }

    #[test]
    fn a_budget_is_read_as_it_was_written() {
        let counts = counts(1_000, 1_500);
        let again = Counts::parse(&counts.write().unwrap()).unwrap();
        assert_eq!(again.of, counts.of);
    }
}
