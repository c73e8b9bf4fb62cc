//! A whole measurement: the named sections, or all. Each is written into the report as soon as
//! it is measured.

use std::{
    env,
    error::Error,
    io::Write as _,
    path::{Path, PathBuf},
    time::Instant,
};

use crate::{
    bench::{Bench, Effort},
    report::{self, Report},
    sections::Section,
};

/// Measures the sections of these names, or all. `--against` is followed by the program to
/// compare with.
///
/// # Errors
/// There is no such section, or a section could not be measured. The others are measured.
pub fn measure(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    match arguments {
        [names @ .., "--against", program] => sections(&named(names)?, Some(program)),
        names => sections(&named(names)?, None),
    }
}

fn named(names: &[&str]) -> Result<Vec<Section>, String> {
    if names.is_empty() {
        return Ok(Section::ALL.into());
    }
    names.iter().copied().map(Section::named).collect()
}

fn sections(sections: &[Section], against: Option<&str>) -> Result<(), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("REPORT.md");
    let mut bench = Bench::new(env::current_exe()?, Effort::Full)?;
    bench.against = against.map(PathBuf::from);
    let mut failed = Vec::new();
    for section in sections {
        let (busy, before) = (report::busy(), Instant::now());
        writeln!(std::io::stderr(), "{} ..", section.name())?;
        // The others are still measured, and the report keeps the old text of this section.
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
