//! Debugging and Monitoring: handlers that return the lane and the thread where they run.

use std::thread;

use hybrid::{Routes, current, prelude::*};

use super::measure::execution;

pub(crate) fn routes() -> Routes {
    routes![debug_execution, debug_execution_sync]
}

#[model(output)]
struct AsyncContext {
    handler_type: &'static str,
    thread_id: u64,
    event_loop: String,
    is_main_thread: bool,
}

/// Debug information about execution context.
#[get("/debug-execution")]
async fn debug_execution() -> Json<AsyncContext> {
    Json(AsyncContext {
        handler_type: "async",
        thread_id: thread_id(),
        event_loop: current().thread(),
        is_main_thread: is_main_thread(),
    })
}

#[model(output)]
struct SyncContext {
    handler_type: &'static str,
    thread_id: u64,
    is_main_thread: bool,
    execution_context: &'static str,
}

/// Debug information about sync execution.
#[get("/debug-execution-sync")]
fn debug_execution_sync() -> Json<SyncContext> {
    Json(SyncContext {
        handler_type: "sync",
        thread_id: thread_id(),
        is_main_thread: is_main_thread(),
        execution_context: execution(),
    })
}

/// The number in the standard library's `ThreadId(7)`.
fn thread_id() -> u64 {
    let shown = format!("{:?}", thread::current().id());
    let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_default()
}

fn is_main_thread() -> bool {
    thread::current().name() == Some("main")
}
