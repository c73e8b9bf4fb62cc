//! The memory of idle connections.
//!
//! Private memory only: memory that processes share (the program's code, the C library)
//! exists once for all servers.

use std::{
    fmt::Write as _,
    io::{self, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use super::table;
use crate::{
    bench::{Bench, Effort},
    load,
    process::Running,
    rounds::{Bar, Rounds},
    servers::Server,
};

const CONNECTIONS: usize = 10_000;
const ROUNDS: usize = 3;

const SERVERS: [Server; 4] = [Server::Hyper, Server::Axum, Server::Actix, Server::Hybrid];

/// One server in all rounds, in bytes.
#[derive(Debug, Default)]
struct Figures {
    at_start: Rounds,
    with_connections: Rounds,
    /// The memory of each connection.
    each: Rounds,
}

/// Measures and writes the section.
///
/// # Errors
/// A server does not start, or refuses a connection.
pub(super) fn measure(bench: &Bench) -> io::Result<String> {
    let mut all = SERVERS.map(|server| (server, Figures::default()));
    for _ in 0..bench.rounds(ROUNDS) {
        for (server, figures) in &mut all {
            round(bench, *server, figures)?;
        }
    }
    write(&all).map_err(io::Error::other)
}

fn round(bench: &Bench, server: Server, figures: &mut Figures) -> io::Result<()> {
    let count = match bench.effort {
        Effort::Full => CONNECTIONS,
        Effort::Small => 200,
    };
    let mut running = bench.start_with(server, "/json", |_| ())?;
    let before = running.private_bytes()? as f64;
    let connections = connect(&running, count)?;
    let after = running.private_bytes()? as f64;
    figures.at_start.push(before);
    figures.with_connections.push(after);
    figures.each.push((after - before) / count as f64);
    drop(connections);
    running.stop()
}

/// Opens connections and gets one response on each.
fn connect(running: &Running, count: usize) -> io::Result<Vec<TcpStream>> {
    let request = load::get("/json");
    let mut buffer = [0; 1024];
    let connections = (0..count).map(|number| {
        let mut stream = TcpStream::connect(running.addr)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(&request)?;
        let read = stream.read(&mut buffer)?;
        if buffer[..read].starts_with(b"HTTP/1.1 200") {
            return Ok(stream);
        }
        Err(io::Error::other(format!("connection {number} is refused")))
    });
    connections.collect()
}

fn write(all: &[(Server, Figures)]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(
        text,
        "Private memory of the server after its first response, and with {CONNECTIONS} idle \
         keep-alive connections after one response on each. {ROUNDS} rounds, servers in turn, \
         one event loop per core.\n"
    )?;
    let columns = [
        "",
        "at the start, MB",
        "with the connections, MB",
        "each, bytes",
        "hybrid is ×",
        "the bar",
        "",
    ];
    table(&mut text, &columns)?;
    let ours = all.iter().find(|(server, _)| *server == Server::Hybrid);
    for (server, of) in all {
        let ratio = ours.map(|(_, ours)| ours.with_connections.over(&of.with_connections));
        let ratio = ratio.unwrap_or_default();
        let judged = match server {
            Server::Hyper => Bar::AtMost(1.10).judge(ratio.median()),
            _ => " | ".to_owned(),
        };
        let (start, with) = (of.at_start.scaled(1e-6), of.with_connections.scaled(1e-6));
        writeln!(
            text,
            "| {server} | {start:.1} | {with:.1} | {:.0} | {ratio:.2} | {judged} |",
            of.each
        )?;
    }
    Ok(text)
}
