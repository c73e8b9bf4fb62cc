//! A `main` that binds its listener itself. Workers of the process lane are this
//! program, started again: `hybrid::enter_worker` is where they turn off, before there is
//! a listener or a thread of one's own.
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

/// Where it is made says who made it. A value given by `.state` would stay with the
/// server, and is refused at the start.
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

/// The application; tests build the same one.
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
