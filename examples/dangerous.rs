//! Code that may crash, hang or leak, in processes of its own: what it does harms
//! its one request, which is answered 500 or 504, and nothing else.
//!
//! Run with: cargo run --example dangerous
//! Try: curl -i http://127.0.0.1:8000/library/well http://127.0.0.1:8000/library/abort
//!      curl -i http://127.0.0.1:8000/library/overflow http://127.0.0.1:8000/library/leak
//!      time curl -i http://127.0.0.1:8000/library/hang
//!      curl http://127.0.0.1:8000/

use std::{hint::black_box, process, thread, time::Duration};

use hybrid::prelude::*;

/// What a C library may do on a bad day. Who crashes twice within a minute by the
/// very same request is refused for a minute.
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
#[expect(unconditional_recursion, reason = "that is what it is for")]
fn deeper(depth: u64) -> u64 {
    black_box(deeper(black_box(depth) + 1)) + depth
}

/// What goes on meanwhile.
#[get("/")]
async fn index() -> String {
    format!("all is well in process {}", process::id())
}

/// The application; tests build the same one.
pub fn app() -> App {
    App::new().routes(routes![library, index])
}

fn main() -> hybrid::Result<()> {
    app().run()
}
