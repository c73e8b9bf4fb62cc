//! A `main` that binds its listener itself. A worker process is this program, started again.
//! `hybrid::enter_worker` turns it into a worker, before `main` opens a listener or starts a
//! thread.
//!
//! Run with: cargo run --example own_main
//! Try: curl http://127.0.0.1:8000/server http://127.0.0.1:8000/worker
//!      curl http://127.0.0.1:8000/worker http://127.0.0.1:8000/worker

use std::{
    env,
    io::{self, Write as _},
    process,
};

use hybrid::{BoxError, prelude::*};
use tokio::net::TcpListener;

/// Holds the id of the process that made it. A state given by `.state` exists only in the
/// server, so hybrid would refuse it at the start.
#[derive(Clone)]
struct Home(u32);

fn home() -> Result<Home, BoxError> {
    Ok(Home(process::id()))
}

#[get("/server")]
async fn server(State(Home(pid)): State<Home>) -> Json<(u32, u32)> {
    Json((pid, process::id()))
}

#[get("/worker", lane = process)]
fn worker(State(Home(pid)): State<Home>) -> Json<(u32, u32)> {
    Json((pid, process::id()))
}

/// The application. Tests build the same one.
pub fn app() -> App {
    App::new().state_with(home).routes(routes![server, worker])
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    // In a worker it never returns; in the server it does nothing.
    hybrid::enter_worker(app);
    let addr = env::args().nth(1);
    let listener = TcpListener::bind(addr.as_deref().unwrap_or("127.0.0.1:8000")).await?;
    writeln!(
        io::stderr(),
        "listening on http://{}",
        listener.local_addr()?
    )?;
    app().serve(listener).await?;
    Ok(())
}
