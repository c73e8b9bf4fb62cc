//! The cost of measuring and balancing: their instructions inside a request. They cannot be
//! switched off, so the source file of each instruction decides whether it belongs to them.
//!
//! An instruction belongs to the innermost function of the framework that contains it after
//! inlining, together with inlined code of the standard library. A call to the standard
//! library or to a system library (a clock, a number) counts with all that it calls. A call to
//! other code (the measured handler) does not count.

use std::{
    collections::HashMap,
    fmt::{self, Write as _},
    io,
    path::Path,
    time::Instant,
};

use addr2line::Loader;

use super::{hop, table};
use crate::{
    bench::Bench,
    callgrind::{self, Asked, Profile, Runs},
    rounds::{Bar, Rounds},
    servers::Server,
    workload::Workload,
};

/// The source folders of measuring and balancing.
const OURS: [&str; 4] = [
    "hybrid-engine/src/telemetry/",
    "hybrid-engine/src/balance/",
    "hybrid-engine/src/clock.rs",
    "hybrid-engine/src/os/",
];

/// Source files whose code counts for its caller.
const LIBRARY: [&str; 4] = ["/rustc/", "/library/", "/rustix-", "/linux-raw-sys-"];

/// Prefixes of library functions that contain no code of their callers.
const LIBRARY_NAMES: [&str; 8] = [
    "std::time",
    "std::sys",
    "core::str",
    "core::num",
    "core::slice",
    "alloc::",
    "rustix::",
    "__rust",
];

/// Instructions of a run, by function of hybrid.
#[derive(Debug, Default)]
struct Counted {
    total: u64,
    ours: HashMap<String, u64>,
}

/// Measures and writes the section.
///
/// # Errors
/// valgrind is not there, or the server does not answer as it must.
pub(super) fn measure(bench: &Bench) -> io::Result<String> {
    let json = Asked::of(Server::Hybrid, Workload::Json);
    let plain = Asked::trivial("/plain");
    let mut text = String::new();
    writeln!(
        text,
        "Instructions per request inside `telemetry` and `balance`, including their calls into \
         the standard library and the system libraries, counted by callgrind in a server with \
         one event loop. Instructions in the kernel are not counted. The thread of the balancer \
         works by the clock and not for requests, so it has a separate paragraph below.\n"
    )
    .map_err(io::Error::other)?;
    for (title, asked, bar) in [
        ("`GET /json`, async", json, Some(Bar::AtMost(0.03))),
        ("a trivial plain `fn`, on the pool", plain, None),
    ] {
        let runs = Runs::of(bench.effort);
        let [short, long] = [runs.short, runs.long].map(|requests| count(bench, &asked, requests));
        write(&mut text, title, &short?, &long?, runs, bar).map_err(io::Error::other)?;
    }
    text += &balancer(bench)?;
    if let Some(against) = &bench.against {
        let other = Bench {
            program: against.clone(),
            ..bench.clone()
        };
        text += &compare(bench, &other)?;
    }
    Ok(text)
}

// === The balancer's thread ===

/// The processor time of the balancer's thread under full load.
fn balancer(bench: &Bench) -> io::Result<String> {
    let mut share = Rounds::default();
    let mut a_request_ns = Rounds::default();
    for _ in 0..bench.rounds(3) {
        let mut running = bench.start(Server::Hybrid)?;
        let before = running.cpu_of_thread("hybrid-balancer")?;
        let began = Instant::now();
        let rate = hop::saturate(bench, &running, "/json")?.rate;
        let used = running.cpu_of_thread("hybrid-balancer")? - before;
        let of_one = used.as_secs_f64() / began.elapsed().as_secs_f64();
        share.push(of_one);
        a_request_ns.push(of_one * 1e9 / rate);
        running.stop()?;
    }
    Ok(format!(
        "### The balancer's thread\n\nWith 64 clients of `/json` in a closed loop it takes \
         {share:.4} of one processor, which is {a_request_ns:.0} ns per request.\n\n"
    ))
}

// === Processor time, beside another version ===

const ROUNDS: usize = 7;

/// Processor time per request of this version and of another one, in turn.
fn compare(bench: &Bench, other: &Bench) -> io::Result<String> {
    let mut text = String::new();
    let mut rows = [
        ("`GET /json`, async", "/json", Bar::AtMost(0.3)),
        (
            "a trivial plain `fn`, on the pool",
            "/plain",
            Bar::AtMost(0.6),
        ),
    ]
    .map(|row| (row, Rounds::default(), Rounds::default()));
    for _ in 0..bench.rounds(ROUNDS) {
        for ((_, path, _), ours, others) in &mut rows {
            for (bench, rounds) in [(bench, ours), (other, others)] {
                let mut running = bench.start(Server::Hybrid)?;
                rounds.push(hop::saturate(bench, &running, path)?.cpu_us);
                running.stop()?;
            }
        }
    }
    let mut written = || -> fmt::Result {
        writeln!(
            text,
            "### Processor time a request, beside another version\n\n\
             In microseconds, user and system, 64 clients in a closed loop, {ROUNDS} rounds in turn.\n"
        )?;
        let columns = ["", "this", "the other", "more", "the bar", ""];
        table(&mut text, &columns)?;
        for ((title, _, bar), ours, others) in &rows {
            let more = ours.minus(others);
            let judged = bar.judge(more.median());
            writeln!(
                text,
                "| {title} | {ours:.2} | {others:.2} | {more:.2} | {judged} |"
            )?;
        }
        Ok(())
    };
    written().map_err(io::Error::other)?;
    Ok(text)
}

// === Instructions ===

fn write(
    text: &mut String,
    title: &str,
    short: &Counted,
    long: &Counted,
    runs: Runs,
    bar: Option<Bar>,
) -> std::fmt::Result {
    let a_request = |long: u64, short: u64| (long as f64 - short as f64) / runs.between();
    let total = a_request(long.total, short.total);
    let mut rows: Vec<_> = long
        .ours
        .iter()
        .map(|(name, count)| {
            let before = short.ours.get(name).copied().unwrap_or(0);
            (name, a_request(*count, before))
        })
        .collect();
    rows.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let ours: f64 = rows.iter().map(|(_, count)| count).sum();
    let share = ours / total;
    writeln!(text, "### {title}\n")?;
    table(text, &["", "instructions", "of all", "the bar", ""])?;
    let judged = bar.map_or_else(|| " | ".to_owned(), |bar| bar.judge(share));
    writeln!(text, "| all | {total:.0} | | | |")?;
    writeln!(
        text,
        "| measuring and balancing | {ours:.0} | {share:.4} | {judged} |"
    )?;
    for (name, count) in rows.iter().filter(|(_, count)| *count >= 1.0).take(12) {
        writeln!(text, "| `{name}` | {count:.0} | {:.4} | | |", count / total)?;
    }
    writeln!(text)
}

fn count(bench: &Bench, asked: &Asked, requests: usize) -> io::Result<Counted> {
    let options = [
        "--dump-instr=yes",
        "--compress-pos=no",
        "--compress-strings=no",
    ];
    let profile = callgrind::profile(&bench.program, asked, requests, &options)?;
    let mut sources = Sources::of(&bench.program)?;
    let mut counted = Counted {
        total: profile.total()?,
        ours: HashMap::new(),
    };
    walk(&profile, &bench.program, |instruction| {
        let Some(name) = sources.ours(instruction.address)? else {
            return Ok(());
        };
        if instruction.calls.is_none_or(is_library) {
            *counted.ours.entry(name).or_default() += instruction.cost;
        }
        Ok(())
    })?;
    Ok(counted)
}

/// A line of callgrind's account.
struct Instruction<'a> {
    /// The address in the program file, not in memory.
    address: u64,
    cost: u64,
    /// The called function, if `cost` is the cost of a call.
    calls: Option<Callee<'a>>,
}

#[derive(Clone, Copy)]
struct Callee<'a> {
    name: &'a str,
    is_elsewhere: bool,
}

fn is_library(callee: Callee<'_>) -> bool {
    let name = callee.name.trim_start_matches('<');
    callee.is_elsewhere
        || LIBRARY_NAMES
            .iter()
            .any(|library| name.starts_with(library))
}

/// Visits every instruction of the program that has a cost.
fn walk(
    profile: &Profile,
    program: &Path,
    mut show: impl FnMut(&Instruction<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let program = program.to_string_lossy();
    let (mut is_program, mut callee_elsewhere, mut callee, mut is_call) = (false, None, "", false);
    for line in profile.lines() {
        if let Some(object) = line.strip_prefix("ob=") {
            is_program = object == program;
        } else if let Some(object) = line.strip_prefix("cob=") {
            callee_elsewhere = Some(object != program);
        } else if let Some(name) = line.strip_prefix("cfn=") {
            callee = name;
        } else if line.starts_with("calls=") {
            is_call = true;
        } else if let Some(rest) = line.strip_prefix("0x") {
            let mut fields = rest.split(' ');
            let address = fields
                .next()
                .and_then(|text| u64::from_str_radix(text, 16).ok());
            let cost = fields.nth(1).and_then(|text| text.parse().ok());
            // Present only if the callee is in another object than its caller.
            let is_elsewhere = callee_elsewhere.take().unwrap_or(false);
            let calls = std::mem::take(&mut is_call).then_some(Callee {
                name: callee,
                is_elsewhere,
            });
            if let (true, Some(address), Some(cost)) = (is_program, address, cost) {
                show(&Instruction {
                    address,
                    cost,
                    calls,
                })?;
            }
        }
    }
    Ok(())
}

/// A cache of the function that an instruction belongs to.
struct Sources {
    loader: Loader,
    known: HashMap<u64, Option<String>>,
}

impl Sources {
    fn of(program: &Path) -> io::Result<Self> {
        let loader = Loader::new(program).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self {
            loader,
            known: HashMap::new(),
        })
    }

    /// The function of hybrid that an instruction belongs to.
    fn ours(&mut self, address: u64) -> io::Result<Option<String>> {
        if let Some(known) = self.known.get(&address) {
            return Ok(known.clone());
        }
        let found = find(&self.loader, address);
        let found = found.map_err(|error| io::Error::other(error.to_string()))?;
        self.known.insert(address, found.clone());
        Ok(found)
    }
}

/// From the innermost function outwards.
fn find(loader: &Loader, address: u64) -> Result<Option<String>, Box<dyn std::error::Error>> {
    let mut frames = loader
        .find_frames(address)
        .map_err(|error| error.to_string())?;
    while let Some(frame) = frames.next().map_err(|error| error.to_string())? {
        let file = frame.location.as_ref().and_then(|location| location.file);
        let Some(file) = file else { continue };
        if LIBRARY.iter().any(|library| file.contains(library)) {
            continue;
        }
        if !OURS.iter().any(|ours| file.contains(ours)) {
            return Ok(None);
        }
        let name = frame.function.as_ref();
        let name = name.and_then(|name| Some(name.demangle().ok()?.into_owned()));
        let file = file.split("hybrid-core/src/").last().unwrap_or(file);
        // Without its generic arguments.
        let name = name.as_deref().and_then(|name| name.split('<').next());
        return Ok(Some(format!("{file} {}", name.unwrap_or_default())));
    }
    Ok(None)
}
