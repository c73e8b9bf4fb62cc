//! Code that may crash, hang or leak, in processes of its own.
//!
//! Run with: cargo run --example dangerous
//! Try:      curl -i localhost:8000/library/abort
//!           curl -i localhost:8000/library/hang
//!           curl -i localhost:8000/library/leak
//!           curl -i localhost:8000/library/well

use std::{process, thread, time::Duration};

use hybrid::prelude::*;

/// What a C library may do on a bad day.
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

/// Calls itself until there is no stack any more.
#[allow(unconditional_recursion, reason = "that is what it is for")]
fn deeper(depth: u64) -> u64 {
    std::hint::black_box(deeper(std::hint::black_box(depth) + 1)) + depth
}

/// What goes on meanwhile.
#[get("/")]
async fn index() -> &'static str {
    "all is well"
}

fn app() -> App {
    App::new().routes(routes![library, index])
}

fn main() -> hybrid::Result<()> {
    app().run()
}
