//! Instructions of user space per request, counted by callgrind.

use std::{fmt::Write as _, io};

use super::table;
use crate::{
    bench::{Bench, Effort},
    callgrind::{self, Asked, Runs},
    client::CONNECTIONS,
    rounds::{Bar, Rounds},
    servers::Server,
    workload::Workload,
};

const ROUNDS: usize = 2;

/// ntex uses `epoll_pwait2`, which valgrind 3.19 does not support.
const UNCOUNTED: Server = Server::Ntex;

type Figures = Vec<(Server, Rounds)>;

/// Measures and writes the section.
///
/// # Errors
/// valgrind is not there, or a server does not answer as it must.
pub(super) fn measure(bench: &Bench) -> io::Result<String> {
    let mut figures = Vec::new();
    for workload in Workload::ALL {
        let mut of_workload = Figures::new();
        let servers = workload.servers().iter();
        for server in servers.filter(|server| is_counted(bench, **server)) {
            let asked = Asked::of(*server, workload);
            of_workload.push((*server, callgrind::count(bench, &asked, ROUNDS)?));
        }
        figures.push((workload, of_workload));
    }
    let asynchronous = Asked::trivial("/async");
    let plain = Asked {
        variables: &[("HYBRID_MODE", "async_only")],
        ..Asked::trivial("/plain")
    };
    let on_loop = [
        callgrind::count(bench, &asynchronous, ROUNDS)?,
        callgrind::count(bench, &plain, ROUNDS)?,
    ];
    write(bench, &figures, &on_loop).map_err(io::Error::other)
}

/// A test measures only some of them, to save time.
fn is_counted(bench: &Bench, server: Server) -> bool {
    match bench.effort {
        Effort::Full => server != UNCOUNTED,
        Effort::Small => matches!(server, Server::Hyper | Server::Axum | Server::Hybrid),
    }
}

fn write(
    bench: &Bench,
    figures: &[(Workload, Figures)],
    on_loop: &[Rounds; 2],
) -> Result<String, std::fmt::Error> {
    let runs = Runs::of(bench.effort);
    let mut text = String::new();
    writeln!(
        text,
        "Instructions of user space per request, counted by callgrind: the difference between a \
         run of {} and one of {} requests over {CONNECTIONS} keep-alive connections, divided by \
         {}. Each server has one event loop. The table has the mean of {ROUNDS} rounds, and \
         both. Instructions in the kernel are not counted. Neither is the thread of hybrid's \
         balancer, which works by the clock and not for requests (its cost is under \"What \
         measuring costs\"). {UNCOUNTED} is missing, because it waits with a system call that \
         valgrind 3.19 does not support.",
        runs.long,
        runs.short,
        runs.between()
    )?;
    for (workload, figures) in figures {
        write_workload(&mut text, *workload, figures)?;
    }
    write_on_loop(&mut text, on_loop)?;
    Ok(text)
}

fn write_on_loop(text: &mut String, on_loop: &[Rounds; 2]) -> std::fmt::Result {
    writeln!(
        text,
        "\n### A trivial handler on the event loop\n\nOnce as `async fn`, and once as a plain \
         `fn` that hybrid runs on the event loop, as it does with `lane = auto` after its \
         measurements (here for all plain handlers, by `HYBRID_MODE=async_only`).\n"
    )?;
    table(text, &["", "instructions", "×", "the bar", ""])?;
    let [asynchronous, plain] = on_loop;
    let ratio = plain.median() / asynchronous.median();
    writeln!(text, "| `async fn` | {asynchronous:.0} | | | |")?;
    let judged = Bar::AtMost(1.03).judge(ratio);
    writeln!(
        text,
        "| plain `fn` on the loop | {plain:.0} | {ratio:.3} | {judged} |"
    )
}

fn write_workload(text: &mut String, workload: Workload, figures: &Figures) -> std::fmt::Result {
    let ours = figures.iter().find(|(server, _)| *server == Server::Hybrid);
    let Some((_, ours)) = ours else {
        return Ok(());
    };
    writeln!(text, "\n### {}\n", workload.title())?;
    table(text, &["", "instructions", "hybrid is ×", "the bar", ""])?;
    for (server, rounds) in figures {
        if *server == Server::Hybrid {
            writeln!(text, "| {server} | {rounds:.0} | | | |")?;
            continue;
        }
        let ratio = ours.median() / rounds.median();
        let bar = workload.bars().iter().find(|(peer, _)| peer == server);
        let judged = bar.map(|(_, bar)| Bar::AtMost(*bar).judge(ratio));
        let judged = judged.unwrap_or_else(|| " | ".to_owned());
        writeln!(text, "| {server} | {rounds:.0} | {ratio:.3} | {judged} |")?;
    }
    Ok(())
}
