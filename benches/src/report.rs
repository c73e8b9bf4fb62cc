//! The report: a file of sections. A run replaces the sections that it measured.

use std::{collections::HashMap, fmt::Write as _, fs, io, path::Path, process::Command};

use crate::{bench::cores, sections::Section};

/// The marker before a section in the file.
const MARK: &str = "<!-- section: ";
const MARK_END: &str = " -->\n";

/// The sections of the report.
#[derive(Debug, Default)]
pub struct Report {
    sections: HashMap<&'static str, String>,
}

impl Report {
    /// Reads the report, if there is one.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    fn parse(text: &str) -> Self {
        let mut report = Self::default();
        for part in text.split(MARK).skip(1) {
            let Some((name, text)) = part.split_once(MARK_END) else {
                continue;
            };
            // Drops a section that does not exist any more.
            if let Ok(section) = Section::named(name) {
                report.set(section, text.to_owned());
            }
        }
        report
    }

    /// Replaces a section.
    pub fn set(&mut self, section: Section, text: String) {
        self.sections.insert(section.name(), text);
    }

    /// The whole report as Markdown.
    ///
    /// # Errors
    /// Never in practice: formatting into a `String` does not fail.
    pub fn write(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        head(&mut text)?;
        for section in Section::ALL {
            if let Some(said) = self.sections.get(section.name()) {
                let name = section.name();
                write!(text, "\n{MARK}{name}{MARK_END}{}\n", said.trim_end())?;
            }
        }
        Ok(text)
    }
}

/// A section in the format of the file: its title, its text, its command.
///
/// # Errors
/// Never in practice: formatting into a `String` does not fail.
pub fn section(section: Section, busy: &str, said: &str) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let title = section.title();
    writeln!(text, "## {title}\n\n{said}\n")?;
    writeln!(
        text,
        "(`-- {}`; load average before: {busy})",
        section.name()
    )?;
    Ok(text)
}

/// The load average of the last minute, which shows how busy the machine is with other work.
pub fn busy() -> String {
    let averages = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    averages.split(' ').next().unwrap_or("unknown").to_owned()
}

fn head(text: &mut String) -> std::fmt::Result {
    writeln!(text, "# How fast hybrid is\n")?;
    writeln!(
        text,
        "The command `cargo run --release --manifest-path benches/Cargo.toml` writes this \
         report; with `-- hop`, for example, it measures only that section again. Every server \
         is a separate process, built with mimalloc, `lto = \"thin\"` and `codegen-units = 1`, \
         and runs without transparent huge pages (`MIMALLOC_ALLOW_THP=0`). hybrid has all its \
         limits, time limits and measurements at their defaults; the others have none. \"Kept\" \
         means that hybrid reaches the goal (the bar), \"missed\" that it does not.\n"
    )?;
    writeln!(
        text,
        "Times vary on a shared machine. So they are ratios from one run in which the servers \
         take turns: the median of the rounds, and in brackets the smallest and the largest \
         value. Instruction counts hardly vary.\n"
    )?;
    writeln!(text, "- machine: {}", machine())?;
    writeln!(text, "- {}, {}", version("rustc"), version("valgrind"))?;
    writeln!(text, "- {}", peers())
}

fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("unknown");
    let cpu = cpu.trim_start_matches([' ', '\t', ':']);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} cores, {cpu}, Linux {}", cores(), kernel.trim())
}

fn version(program: &str) -> String {
    let said: io::Result<_> = Command::new(program).arg("--version").output();
    said.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
        .unwrap_or_else(|_| format!("{program} of an unknown version"))
}

/// The versions of what was built, from the lock file.
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
    [
        "hybrid",
        "hyper",
        "axum",
        "actix-web",
        "ntex",
        "poem",
        "salvo",
        "rocket",
        "may_minihttp",
        "validator",
        "tokio",
        "mimalloc",
    ]
    .map(version)
    .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_replaced_and_the_others_stay() {
        let mut report = Report::default();
        report.set(Section::Hop, "## The hop\n\nold\n".to_owned());
        report.set(Section::Seen, "## Seen\n\nall\n".to_owned());
        let mut again = Report::parse(&report.write().unwrap());
        again.set(Section::Hop, "## The hop\n\nnew\n".to_owned());
        let text = again.write().unwrap();
        assert!(text.contains("new") && text.contains("all") && !text.contains("old"));
        assert_eq!(Report::parse(&text).write().unwrap(), text);
    }
}
