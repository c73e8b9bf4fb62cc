//! The build time of an app of 100 routes, beside the same app on axum.
//!
//! Each app has its own target folder. The two are built in turn, with as many jobs as there
//! are processors. cargo downloads nothing during a measurement.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use super::table;
use crate::{
    apps::App,
    bench::{Bench, Effort},
    process::children_cpu,
    rounds::{Bar, Rounds},
};

const ROUNDS: usize = 7;
/// The number of rounds of slow builds.
const FEW_ROUNDS: usize = 3;

/// The duration of one build.
#[derive(Debug, Default)]
struct Costs {
    /// In seconds.
    wall: Rounds,
    /// Processor time of all that cargo starts, in seconds.
    cpu: Rounds,
}

/// One app.
#[derive(Debug)]
struct Figures {
    app: App,
    folder: PathBuf,
    check: Costs,
    build: Costs,
    crate_alone: Costs,
    cold: Costs,
    /// The release program, in MB.
    program: Rounds,
    /// Packages of the tree, the app's own included.
    packages: Rounds,
}

/// Measures and writes the section.
///
/// # Errors
/// An app does not build.
pub(super) fn measure(bench: &Bench) -> io::Result<String> {
    let parent = bench.folder().join("apps");
    let mut both = Vec::new();
    for app in App::ALL {
        let folder = app.write(&parent)?;
        both.push(Figures::new(app, folder));
    }
    if bench.effort == Effort::Full {
        for figures in &mut both {
            figures.cold()?;
        }
        for round in 1..=ROUNDS {
            for figures in &mut both {
                figures.changed(2 * round as u32)?;
            }
        }
        for _ in 0..FEW_ROUNDS {
            for figures in &mut both {
                figures.crate_alone()?;
            }
        }
        for figures in &mut both {
            figures.sizes()?;
        }
    }
    write(bench.effort, &both).map_err(io::Error::other)
}

impl Figures {
    fn new(app: App, folder: PathBuf) -> Self {
        Self {
            app,
            folder,
            check: Costs::default(),
            build: Costs::default(),
            crate_alone: Costs::default(),
            cold: Costs::default(),
            program: Rounds::default(),
            packages: Rounds::default(),
        }
    }

    /// Everything, dependencies included, from nothing.
    fn cold(&mut self) -> io::Result<()> {
        // Before the first build there is no such folder.
        let _ = fs::remove_dir_all(target(&self.folder));
        cargo(&self.folder, &["fetch"])?;
        self.cold.add(&self.folder, &["build"])?;
        cargo(&self.folder, &["check"])
    }

    /// After one handler's body has changed.
    fn changed(&mut self, number: u32) -> io::Result<()> {
        self.app.change(&self.folder, number)?;
        self.check.add(&self.folder, &["check"])?;
        self.app.change(&self.folder, number + 1)?;
        self.build.add(&self.folder, &["build"])
    }

    /// The app's crate, with its dependencies there.
    fn crate_alone(&mut self) -> io::Result<()> {
        cargo(&self.folder, &["clean", "--package", self.app.name()])?;
        self.crate_alone.add(&self.folder, &["build"])
    }

    fn sizes(&mut self) -> io::Result<()> {
        cargo(&self.folder, &["build", "--release"])?;
        let program = target(&self.folder).join("release").join(self.app.name());
        self.program.push(fs::metadata(program)?.len() as f64 / 1e6);
        self.packages.push(packages(&self.folder)? as f64);
        Ok(())
    }
}

impl Costs {
    fn add(&mut self, folder: &Path, arguments: &[&str]) -> io::Result<()> {
        let (before, cpu) = (Instant::now(), children_cpu());
        cargo(folder, arguments)?;
        self.wall.push(before.elapsed().as_secs_f64());
        let used = children_cpu().saturating_sub(cpu);
        self.cpu.push(used.as_secs_f64());
        Ok(())
    }
}

// === cargo ===

fn target(folder: &Path) -> PathBuf {
    folder.join("target")
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(folder);
    command.env("CARGO_TARGET_DIR", target(folder));
    if arguments != ["fetch"] {
        command.env("CARGO_NET_OFFLINE", "true");
    }
    command.stdin(Stdio::null());
    command
}

/// Runs cargo and shows its output only if it fails.
fn cargo(folder: &Path, arguments: &[&str]) -> io::Result<()> {
    let ended = command(folder, arguments).output()?;
    if ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    Err(io::Error::other(format!("cargo {arguments:?}: {said}")))
}

/// Counts the packages that are linked into the program or run during its build.
fn packages(folder: &Path) -> io::Result<usize> {
    let arguments = ["tree", "--edges=normal", "--prefix=none", "--no-dedupe"];
    let said = command(folder, &arguments).output()?.stdout;
    let said = String::from_utf8_lossy(&said);
    let mut names: Vec<_> = said
        .lines()
        .map(|line| line.split(' ').take(2).collect::<Vec<_>>())
        .collect();
    names.sort_unstable();
    names.dedup();
    Ok(names.len())
}

// === The text ===

fn write(effort: Effort, both: &[Figures]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(
        text,
        "An app of 100 routes: 40 `GET` with a path, two checked query values and a header, 20 \
         `POST` with a checked body of five fields, 20 plain functions, 20 with a path and a \
         state. One app uses hybrid; the other uses axum with the derives of validator and \
         utoipa for the same rules and description. Both have the defaults of cargo and of \
         their crates. {ROUNDS} rounds in turn ({FEW_ROUNDS} of the crate alone, one of a cold \
         build). Processor time includes cargo and all processes that it starts.\n"
    )?;
    if effort == Effort::Small {
        writeln!(
            text,
            "Only written here: a test has no time to build them.\n"
        )?;
    }
    let [ours, peer] = both else {
        return Ok(text);
    };
    table(
        &mut text,
        &["", "hybrid", "axum", "hybrid is ×", "the bar", ""],
    )?;
    for (title, of, bar) in ROWS {
        let (ours, peer) = (of(ours), of(peer));
        for (unit, ours, peer) in [
            ("s", &ours.wall, &peer.wall),
            ("processor time, s", &ours.cpu, &peer.cpu),
        ] {
            row(&mut text, &format!("{title}, {unit}"), ours, peer, bar)?;
        }
    }
    row(
        &mut text,
        "release program, MB",
        &ours.program,
        &peer.program,
        None,
    )?;
    row(
        &mut text,
        "packages in the tree",
        &ours.packages,
        &peer.packages,
        None,
    )?;
    let [ours, peer] = [ours, peer].map(|of| of.app.lines());
    let ratio = ours as f64 / peer as f64;
    writeln!(text, "| lines of Rust | {ours} | {peer} | {ratio:.2} | | |")?;
    Ok(text)
}

type Row = (&'static str, fn(&Figures) -> &Costs, Option<Bar>);

const ROWS: [Row; 4] = [
    (
        "a changed body, `cargo check`",
        |of| &of.check,
        Some(Bar::AtMost(1.0)),
    ),
    (
        "a changed body, `cargo build`",
        |of| &of.build,
        Some(Bar::AtMost(1.0)),
    ),
    ("the crate alone, `cargo build`", |of| &of.crate_alone, None),
    (
        "everything from nothing, `cargo build`",
        |of| &of.cold,
        None,
    ),
];

fn row(
    text: &mut String,
    title: &str,
    ours: &Rounds,
    peer: &Rounds,
    bar: Option<Bar>,
) -> std::fmt::Result {
    let ratio = ours.over(peer);
    let judged = match bar {
        Some(bar) if !ratio.median().is_nan() => bar.judge(ratio.median()),
        _ => " | ".to_owned(),
    };
    writeln!(
        text,
        "| {title} | {ours:.2} | {peer:.2} | {ratio:.2} | {judged} |"
    )
}
