//! The time from the start of a process to its first response.
//!
//! All servers are the same program, so its size and its loading time are the same. Only the
//! work before the first response differs.

use std::{fmt::Write as _, io, time::Instant};

use super::table;
use crate::{bench::Bench, rounds::Rounds, servers::Server};

const ROUNDS: usize = 21;

/// Measures and writes the section.
///
/// # Errors
/// A server does not start.
pub(super) fn measure(bench: &Bench) -> io::Result<String> {
    let mut all = Server::COMPARED.map(|server| (server, Rounds::default()));
    for _ in 0..bench.rounds(ROUNDS) {
        for (server, rounds) in &mut all {
            let before = Instant::now();
            let mut running = bench.start_with(*server, "/json", |_| ())?;
            rounds.push(before.elapsed().as_secs_f64() * 1e3);
            running.stop()?;
        }
    }
    write(&all).map_err(io::Error::other)
}

fn write(all: &[(Server, Rounds)]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(
        text,
        "The time from the start of the program to the complete response to `GET /json`, with \
         one event loop per core. {ROUNDS} rounds, servers in turn. All servers are the same \
         program; a program with hybrid alone would be smaller.\n"
    )?;
    table(&mut text, &["", "ms", "hybrid is ×"])?;
    let ours = &all[0].1;
    for (server, rounds) in all {
        let ratio = ours.over(rounds);
        writeln!(text, "| {server} | {rounds:.1} | {ratio:.2} |")?;
    }
    Ok(text)
}
