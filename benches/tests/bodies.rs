//! All servers send the same responses, so the measurements compare the same work.

use std::{process::Command, time::Instant};

use hybrid_benches::{
    bench::{Bench, Effort},
    budget, client,
    process::Running,
    sections::Section,
    servers::Server,
    workload::Workload,
};

fn start(server: Server) -> Running {
    Running::start(Command::new(env!("CARGO_BIN_EXE_bench")), server, 1).unwrap()
}

#[test]
fn every_server_answers_every_workload_alike() {
    for server in Server::ALL {
        let mut running = start(server);
        for workload in Workload::ALL {
            if workload.servers().contains(&server) {
                client::ask(running.addr, &workload.request(), 20, workload.answer()).unwrap();
            }
        }
        running.stop().unwrap();
    }
}

#[test]
fn every_server_refuses_bad_values() {
    for server in Server::ALL {
        let mut running = start(server);
        for workload in Workload::ALL {
            let Some(request) = workload.bad_request() else {
                continue;
            };
            if workload.servers().contains(&server) {
                let answer = client::ask_once(running.addr, &request).unwrap();
                assert_eq!(answer.status, 422, "{server}: {workload:?}");
            }
        }
        running.stop().unwrap();
    }
}

/// Checks that every section can be measured, not its numbers.
#[test]
fn every_section_is_measured() {
    let bench = Bench::new(env!("CARGO_BIN_EXE_bench").into(), Effort::Small).unwrap();
    for section in Section::ALL {
        let before = Instant::now();
        let said = section.measure(&bench);
        eprintln!("{}: {:.0?}", section.name(), before.elapsed());
        let said = said.unwrap_or_else(|error| panic!("{}: {error}", section.name()));
        assert!(said.contains("| "), "{}: {said}", section.name());
    }
}

/// Checks that instructions can be counted, not their number.
#[test]
fn the_budget_is_counted() {
    let said = budget::try_out(env!("CARGO_BIN_EXE_bench").into()).unwrap();
    assert!(said.contains("kept"), "{said}");
}
