//! Code that may crash, hang or leak, in worker processes: it fails only its own request,
//! which gets a 500 or a 504.
//!
//! Run with: cargo run --example dangerous
//! Try: curl -i http://127.0.0.1:8000/library/well http://127.0.0.1:8000/library/abort
//!      curl -i http://127.0.0.1:8000/library/overflow http://127.0.0.1:8000/library/leak
//!      time curl -i http://127.0.0.1:8000/library/hang
//!      curl http://127.0.0.1:8000/

use std::{hint::black_box, process, thread, time::Duration};

use hybrid::prelude::*;

/// The ways in which a C library can fail. If the same request crashes two workers within a
/// minute, the server refuses it for a minute.
#[get("/library/{does}", lane = process, timeout = "2s", worker_memory = "512MiB")]
fn library(does: String) -> Result<String> {
    match does.as_str() {
        "abort" => process::abort(),
        "exit" => process::exit(0),
        "overflow" => Ok(deeper(1).to_string()),
        "hang" => loop {
            thread::sleep(Duration::from_secs(60));
        },
        "spin" => loop {
            std::hint::spin_loop();
        },
        "leak" => Ok(vec![1_u8; 10 << 30].len().to_string()),
        "well" => Ok(format!("well, in process {}", process::id())),
        _ => Err(Problem::not_found(
            "abort, exit, overflow, hang, spin, leak or well",
        )),
    }
}

/// Calls itself until the stack overflows.
#[expect(unconditional_recursion, reason = "it overflows the stack on purpose")]
fn deeper(depth: u64) -> u64 {
    black_box(deeper(black_box(depth) + 1)) + depth
}

/// Runs in the server process, and works while workers crash.
#[get("/")]
async fn index() -> String {
    format!("all is well in process {}", process::id())
}

/// The application. Tests build the same one.
pub fn app() -> App {
    App::new().routes(routes![library, index])
}

fn main() -> hybrid::Result<()> {
    app().run()
}
