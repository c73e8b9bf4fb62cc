//! What is measured is the same for all: each server gives the same answers.

use std::process::Command;

use hybrid_benches::{callgrind::Running, client, servers::Server, workload::Workload};

fn start(server: Server) -> Running {
    Running::start(Command::new(env!("CARGO_BIN_EXE_bench")), server).unwrap()
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
