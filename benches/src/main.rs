//! `bench` measures everything and writes `REPORT.md`; `bench serve <server>`
//! is the server that it measures.
//!
//! Run with: cargo run --release --manifest-path benches/Cargo.toml

use std::{env, error::Error, io::Write as _, path::Path};

use hybrid_benches::{callgrind, report, servers, workload::Workload};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => measure(),
        ["serve", name] => servers::serve(servers::Server::named(name)?),
        _ => Err("usage: bench [serve <server>]".into()),
    }
}

fn measure() -> Result<(), Box<dyn Error>> {
    let program = env::current_exe()?;
    let mut figures = Vec::new();
    for workload in Workload::ALL {
        for server in workload.servers() {
            let figure = callgrind::measure(&program, *server, workload)?;
            writeln!(std::io::stderr(), "{}: {figure}", workload.title())?;
            figures.push(figure);
        }
    }
    let text = report::write(&figures)?;
    std::fs::write(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("REPORT.md"),
        &text,
    )?;
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
