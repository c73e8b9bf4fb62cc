//! The report: ratios first, counts beside them, wins and losses alike.

use std::{fmt::Write as _, fs, io, process::Command};

use crate::{
    callgrind::{Figure, LONG, ROUNDS, SHORT},
    client::CONNECTIONS,
    servers::Server,
    workload::Workload,
};

/// Writes the report as Markdown.
///
/// # Errors
/// Formatting fails, which it does not.
pub fn write(figures: &[Figure]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    head(&mut text)?;
    for workload in Workload::ALL {
        section(&mut text, workload, figures)?;
    }
    Ok(text)
}

fn head(text: &mut String) -> std::fmt::Result {
    writeln!(text, "# What a request costs\n")?;
    writeln!(
        text,
        "Written by `cargo run --release --manifest-path benches/Cargo.toml`.\n"
    )?;
    writeln!(
        text,
        "User-space instructions a request, counted by callgrind: the difference between a run of \
         {LONG} and one of {SHORT} requests over {CONNECTIONS} keep-alive connections, divided by \
         {}. Each server has one event-loop thread, mimalloc, `lto = \"thin\"` and \
         `codegen-units = 1`. hybrid has all its limits and time limits at their defaults; the \
         others have none. The figure is the mean of {ROUNDS} rounds, the spread the largest round \
         over the smallest. The kernel's part comes on top and is not counted.\n",
        LONG - SHORT
    )?;
    writeln!(text, "- machine: {}", machine())?;
    writeln!(text, "- {}, {}", version("rustc"), version("valgrind"))?;
    writeln!(text, "- {}\n", peers())
}

fn section(text: &mut String, workload: Workload, figures: &[Figure]) -> std::fmt::Result {
    let figures: Vec<_> = figures
        .iter()
        .filter(|figure| figure.workload == workload)
        .collect();
    let Some(ours) = figures
        .iter()
        .find(|figure| figure.server == Server::Hybrid)
    else {
        return Ok(());
    };
    writeln!(text, "## {}\n", workload.title())?;
    writeln!(text, "| | instructions | spread | hybrid is | the bar | |")?;
    writeln!(text, "|---|---:|---:|---:|---:|---|")?;
    for figure in &figures {
        let (mean, spread) = (figure.mean(), figure.spread());
        write!(text, "| {} | {mean:.0} | {spread:.4} |", figure.server)?;
        let bar = workload
            .bars()
            .iter()
            .find(|(server, _)| *server == figure.server);
        match bar {
            Some((_, bar)) => {
                let ratio = ours.mean() / mean;
                let kept = if ratio <= *bar { "kept" } else { "**missed**" };
                writeln!(text, " {ratio:.3} × | ≤ {bar:.2} × | {kept} |")?;
            }
            None => writeln!(text, " | | |")?,
        }
    }
    writeln!(text)
}

fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("unknown");
    let cpu = cpu.trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores, {cpu}, Linux {}", kernel.trim())
}

fn version(program: &str) -> String {
    let said: io::Result<_> = Command::new(program).arg("--version").output();
    said.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
        .unwrap_or_else(|_| format!("{program} of an unknown version"))
}

/// What was built, from the lock file.
fn peers() -> String {
    let lock = include_str!("../Cargo.lock");
    let version = |name: &str| {
        let entry = lock.split("[[package]]").find(|entry| {
            entry
                .lines()
                .any(|line| line == format!("name = \"{name}\""))
        });
        let version = entry.and_then(|entry| {
            entry
                .lines()
                .find_map(|line| line.strip_prefix("version = "))
        });
        format!("{name} {}", version.unwrap_or("?").trim_matches('"'))
    };
    ["hybrid", "hyper", "axum", "validator", "tokio", "mimalloc"]
        .map(version)
        .join(", ")
}
