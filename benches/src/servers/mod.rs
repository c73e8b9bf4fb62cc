//! The servers: the same responses from hyper by hand, from peers and from hybrid.
//!
//! The command line sets the number of event loops: one for counting instructions, one per core
//! for measuring time. Only hybrid has time limits; the others have their defaults.

#[cfg(feature = "peers")]
mod actix_peer;
mod axum_peer;
mod by_hand;
mod checked;
#[cfg(feature = "peers")]
mod downstream;
#[cfg(feature = "peers")]
mod four;
#[cfg(feature = "peers")]
mod may_peer;
#[cfg(feature = "peers")]
mod ntex_peer;
mod ours;
#[cfg(feature = "peers")]
mod poem_peer;
#[cfg(feature = "peers")]
mod processes;
#[cfg(feature = "peers")]
mod rocket_peer;
#[cfg(feature = "peers")]
mod salvo_peer;
mod work;

use std::{
    error::Error,
    fmt,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    process, thread,
};

use serde::Serialize;

#[cfg(feature = "peers")]
pub use four::{DATABASE, DOWNSTREAM};
#[cfg(feature = "peers")]
pub use processes::pipe;
pub use work::{VARIABLE as ROUNDS_A_MILLISECOND, calibrate};

/// A server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// hyper, with everything else written by hand.
    Hyper,
    /// axum, with the validator crate, and `spawn_blocking` for blocking work.
    Axum,
    /// actix-web, with `web::block` for blocking work.
    Actix,
    /// ntex on tokio, the same way.
    Ntex,
    /// poem, with `spawn_blocking`.
    Poem,
    /// Rocket, with `spawn_blocking`.
    Rocket,
    /// salvo, with `spawn_blocking`.
    Salvo,
    /// may_minihttp, with only `/json`.
    MayMinihttp,
    /// hybrid with its defaults.
    Hybrid,
    /// hybrid with the four workloads.
    Four,
    /// The service that one of them calls.
    Downstream,
    /// hybrid with handlers in worker processes.
    Processes,
}

impl Server {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Hyper,
        Self::Axum,
        Self::Actix,
        Self::Ntex,
        Self::Poem,
        Self::Rocket,
        Self::Salvo,
        Self::MayMinihttp,
        Self::Hybrid,
        Self::Four,
        Self::Downstream,
        Self::Processes,
    ];

    /// The servers that are compared, hybrid first.
    pub const COMPARED: [Self; 9] = [
        Self::Hybrid,
        Self::Hyper,
        Self::Axum,
        Self::Actix,
        Self::Ntex,
        Self::Poem,
        Self::Salvo,
        Self::Rocket,
        Self::MayMinihttp,
    ];

    /// The servers with routes on threads.
    pub const WITH_THREADS: [Self; 3] = [Self::Hybrid, Self::Axum, Self::Actix];

    /// Its name on the command line and in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hyper => "hyper",
            Self::Axum => "axum",
            Self::Actix => "actix-web",
            Self::Ntex => "ntex",
            Self::Poem => "poem",
            Self::Rocket => "rocket",
            Self::Salvo => "salvo",
            Self::MayMinihttp => "may_minihttp",
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

/// Serves on a free port until its standard input ends. It prints the port to its standard
/// output.
///
/// # Errors
/// The runtime or the listener is refused, or the server was not built.
pub fn serve(server: Server, loops: usize) -> Result<(), Box<dyn Error>> {
    #[cfg(feature = "peers")]
    if server == Server::Processes {
        hybrid::enter_worker(processes::app);
    }
    thread::spawn(move || {
        // The server ends with its standard input, for whatever reason that ends.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        // Without a graceful stop, which is not measured.
        process::exit(0)
    });
    #[cfg(feature = "peers")]
    match server {
        Server::MayMinihttp => return Ok(may_peer::serve(loops)?),
        Server::Rocket => {
            let runtime = runtime(loops)?;
            let serving = runtime.spawn(rocket_peer::serve(loops));
            return Ok(runtime.block_on(serving)??);
        }
        _ => {}
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    announce(listener.local_addr()?);
    #[cfg(feature = "peers")]
    match server {
        Server::Actix => return Ok(actix_peer::serve(listener, loops)?),
        Server::Ntex => return Ok(ntex_peer::serve(listener, loops)?),
        _ => {}
    }
    on_tokio(server, listener, loops)
}

/// Prints the address.
fn announce(addr: SocketAddr) {
    // If the parent does not read it, the parent stops the server.
    let _ = writeln!(std::io::stdout(), "{addr}");
}

fn runtime(loops: usize) -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(loops)
        .enable_all()
        .build()
}

/// Runs the servers that use tokio's default runtime.
fn on_tokio(server: Server, listener: TcpListener, loops: usize) -> Result<(), Box<dyn Error>> {
    let runtime = runtime(loops)?;
    listener.set_nonblocking(true)?;
    let _context = runtime.enter();
    let listener = tokio::net::TcpListener::from_std(listener)?;
    // Spawned, so that an event loop accepts connections, not the main thread.
    let serving = match server {
        Server::Hyper => runtime.spawn(async {
            by_hand::serve(listener).await;
            Ok(())
        }),
        Server::Axum => runtime.spawn(async { Ok(axum_peer::serve(listener).await?) }),
        Server::Hybrid => runtime.spawn(async { Ok(ours::serve(listener).await?) }),
        #[cfg(feature = "peers")]
        Server::Poem => runtime.spawn(async { Ok(poem_peer::serve(listener).await?) }),
        #[cfg(feature = "peers")]
        Server::Salvo => runtime.spawn(async { Ok(salvo_peer::serve(listener).await?) }),
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

// === Responses, the same for all ===

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
