//! The servers: the same answers from hyper by hand, from peers and from hybrid.
//!
//! Each runs on one event-loop thread of one kind of runtime. Only hybrid has
//! time limits; none of the others is given any.

mod axum_peer;
mod by_hand;
mod ours;

use std::{error::Error, fmt, io::Read as _, io::Write as _, process};

use serde::Serialize;
use tokio::net::TcpListener;

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// hyper, with everything else written by hand.
    Hyper,
    /// axum, with the validator crate.
    Axum,
    /// hybrid as it comes.
    Hybrid,
}

impl Server {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Hyper, Self::Axum, Self::Hybrid];

    /// As it is named on the command line and in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hyper => "hyper",
            Self::Axum => "axum",
            Self::Hybrid => "hybrid",
        }
    }

    /// The server of that name.
    ///
    /// # Errors
    /// There is none.
    pub fn named(name: &str) -> Result<Self, String> {
        let server = Self::ALL.into_iter().find(|server| server.name() == name);
        server.ok_or_else(|| format!("there is no server `{name}`"))
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Serves on a free port, which it says on its standard output, until its
/// standard input ends.
///
/// # Errors
/// The runtime or the listener is refused.
pub fn serve(server: Server) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    match server {
        Server::Hyper => drop(runtime.spawn(by_hand::serve(listener))),
        Server::Axum => drop(runtime.spawn(axum_peer::serve(listener))),
        Server::Hybrid => drop(runtime.spawn(ours::serve(listener))),
    }
    std::io::stdin().read_to_end(&mut Vec::new())?;
    // At once: how a server stops is not measured.
    process::exit(0)
}

// === Answers, the same for all ===

#[derive(Debug, Serialize)]
struct Message {
    message: &'static str,
}

const HELLO: Message = Message {
    message: "Hello, World!",
};

#[derive(Debug, Serialize)]
struct Item {
    id: u64,
    q: String,
    limit: u32,
    request_id: String,
}

#[derive(Debug, Serialize)]
struct Processed {
    count: usize,
    total: f64,
    processing_type: String,
}
