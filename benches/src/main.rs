//! `bench` measures everything and writes `REPORT.md`; `bench <section> ..`
//! measures some of it; with `--against <program>`, which is this one built with
//! another version of the framework, `measuring` compares the two. `bench serve
//! <server> <loops>` is a server that it measures, `bench pipe <what>` a child of one.
//!
//! Run with: cargo run --release --manifest-path benches/Cargo.toml

use std::{
    env,
    error::Error,
    io::Write as _,
    path::{Path, PathBuf},
    time::Instant,
};

use hybrid_benches::{
    bench::{Bench, Effort},
    report::{self, Report},
    sections::Section,
    servers::{self, Server},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", name, loops] => servers::serve(Server::named(name)?, loops.parse()?),
        ["pipe", does] => Ok(servers::pipe(does)?),
        [ref names @ .., "--against", program] => measure(&sections(names)?, Some(program)),
        ref names => measure(&sections(names)?, None),
    }
}

/// Those named, or all.
fn sections(names: &[&str]) -> Result<Vec<Section>, String> {
    if names.is_empty() {
        return Ok(Section::ALL.into());
    }
    names.iter().copied().map(Section::named).collect()
}

fn measure(sections: &[Section], against: Option<&str>) -> Result<(), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("REPORT.md");
    let mut bench = Bench::new(env::current_exe()?, Effort::Full)?;
    bench.against = against.map(PathBuf::from);
    let mut failed = Vec::new();
    for section in sections {
        let (busy, before) = (report::busy(), Instant::now());
        writeln!(std::io::stderr(), "{} ..", section.name())?;
        // Others are measured still, and the report keeps what it had of this.
        let said = match section.measure(&bench) {
            Ok(said) => report::section(*section, &busy, &said)?,
            Err(error) => {
                writeln!(std::io::stderr(), "{}: {error}", section.name())?;
                failed.push(section.name());
                continue;
            }
        };
        writeln!(std::io::stderr(), "{said}\n{:.0?}\n", before.elapsed())?;
        let mut report = Report::read(&path)?;
        report.set(*section, said);
        std::fs::write(&path, report.write()?)?;
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("not measured: {}", failed.join(", ")).into())
    }
}
