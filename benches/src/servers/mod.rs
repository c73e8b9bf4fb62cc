//! The servers: the same answers from hyper by hand, from peers and from hybrid.
//!
//! Each runs on as many event loops as it is told to: one where instructions are
//! counted, one a core where time is measured. Only hybrid has time limits; none
//! of the others is given any.

#[cfg(feature = "peers")]
mod actix_peer;
mod axum_peer;
mod by_hand;
#[cfg(feature = "peers")]
mod downstream;
#[cfg(feature = "peers")]
mod four;
mod ours;
#[cfg(feature = "peers")]
mod processes;
mod work;

use std::{
    error::Error,
    fmt,
    io::{Read as _, Write as _},
    net::TcpListener,
    process, thread,
};

use serde::Serialize;

#[cfg(feature = "peers")]
pub use four::{DATABASE, DOWNSTREAM};
#[cfg(feature = "peers")]
pub use processes::pipe;
pub use work::{VARIABLE as ROUNDS_A_MILLISECOND, calibrate};

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// hyper, with everything else written by hand.
    Hyper,
    /// axum, with the validator crate, and `spawn_blocking` for what blocks.
    Axum,
    /// actix-web, with `web::block` for what blocks.
    Actix,
    /// hybrid as it comes.
    Hybrid,
    /// hybrid with the four workloads.
    Four,
    /// The service that one of them asks.
    Downstream,
    /// hybrid with handlers in processes of their own.
    Processes,
}

impl Server {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Hyper,
        Self::Axum,
        Self::Actix,
        Self::Hybrid,
        Self::Four,
        Self::Downstream,
        Self::Processes,
    ];

    /// Those that serve what runs beside the event loops.
    pub const WITH_THREADS: [Self; 3] = [Self::Hybrid, Self::Axum, Self::Actix];

    /// As it is named on the command line and in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hyper => "hyper",
            Self::Axum => "axum",
            Self::Actix => "actix-web",
            Self::Hybrid => "hybrid",
            Self::Four => "four",
            Self::Downstream => "downstream",
            Self::Processes => "processes",
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
/// The runtime or the listener is refused, or the server was not built.
pub fn serve(server: Server, loops: usize) -> Result<(), Box<dyn Error>> {
    #[cfg(feature = "peers")]
    if server == Server::Processes {
        hybrid::worker(processes::app);
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    thread::spawn(move || {
        // However it ends, so does the server.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        // At once: how a server stops is not measured.
        process::exit(0)
    });
    #[cfg(feature = "peers")]
    if server == Server::Actix {
        return Ok(actix_peer::serve(listener, loops)?);
    }
    on_tokio(server, listener, loops)
}

/// Those that take tokio's runtime as it comes.
fn on_tokio(server: Server, listener: TcpListener, loops: usize) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(loops)
        .enable_all()
        .build()?;
    listener.set_nonblocking(true)?;
    let _context = runtime.enter();
    let listener = tokio::net::TcpListener::from_std(listener)?;
    // Spawned, so that connections are accepted on a loop and not beside it.
    let serving = match server {
        Server::Hyper => runtime.spawn(async {
            by_hand::serve(listener).await;
            Ok(())
        }),
        Server::Axum => runtime.spawn(async { Ok(axum_peer::serve(listener).await?) }),
        Server::Hybrid => runtime.spawn(async { Ok(ours::serve(listener).await?) }),
        #[cfg(feature = "peers")]
        Server::Downstream => runtime.spawn(async {
            downstream::serve(listener).await;
            Ok(())
        }),
        #[cfg(feature = "peers")]
        Server::Four => runtime.spawn(async { Ok(four::serve(listener).await?) }),
        #[cfg(feature = "peers")]
        Server::Processes => runtime.spawn(async { Ok(processes::serve(listener).await?) }),
        other => return Err(format!("{other} is not served here").into()),
    };
    let served: Result<(), Box<dyn Error + Send + Sync>> = runtime.block_on(serving)?;
    served.map_err(|error| error as Box<dyn Error>)
}

// === Answers, the same for all ===

const TRIVIAL: &str = "ok";

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
