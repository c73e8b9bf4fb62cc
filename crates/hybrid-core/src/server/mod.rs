//! The server: sockets in, requests to the application, answers out, within the
//! limits of the configuration.
//!
//! ```text
//! accept ─sniff→ http1 | http2 ─head::check→ Application::call → answer
//!                  │
//!                TimedIo, RequestBody, answers' bodies ─note→ Conn ←look─ sweeper
//! ```
//!
//! Time limits stand in three places: the accepted stream (`timed_io`: first
//! byte, head, idle, writing), the request's body and the answer's body
//! (`body`). None of them sets a timer for a request or reads a clock: they note
//! ticks (`ticks`), and one sweeper looks through all connections once a tick
//! and wakes those that have run past a limit. A limit counts only while nothing is
//! owed to the client: what hyper holds is known, and what the socket's buffer holds
//! is asked when a limit seems to have passed (`delivery`).
//!
//! A server stops in stages ([`shared::Stage`]): it goes on accepting for
//! `drain_delay`, takes what still waits to be accepted, has its answers say
//! `Connection: close`, closes idle connections after `drain_idle`, and cuts
//! what is left after `shutdown_grace`. A request that was sent before gets its
//! answer.
//!
//! Routing, bodies' sizes and everything about handlers is the application's.

mod accept;
mod body;
mod closing;
mod conn;
mod date;
mod delivery;
mod files;
pub(crate) mod head;
mod http1;
mod http2;
mod local;
mod peer;
mod serving;
mod shared;
pub(crate) mod signal;
mod sniff;
mod stream;
mod ticks;
mod timed_io;
mod unsent;
mod waiting;

#[cfg(test)]
mod tests;

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};

pub use body::BodyTooSlow;
pub(crate) use local::Local;
pub use peer::{ClientAddr, Peer};

use crate::{
    BoxResponse, Response, body::Body, config::Settings, head::Came, kept, problem::Problem,
    telemetry::clock,
};
use accept::Server;
use shared::Stage;

/// What a server serves.
pub(crate) trait Application: Send + Sync + Sized + 'static {
    /// Answers a request. Dropping the future means that the client has left.
    fn call(
        app: Local<Self>,
        came: Box<Came>,
        body: Body,
    ) -> impl Future<Output = BoxResponse> + Send + 'static;

    /// Answers a request that the server refuses, in the application's format.
    /// Its body is there at once.
    fn refuse(&self, problem: Problem, head: &http::request::Parts) -> Response;

    fn settings(&self) -> &Settings;

    /// The server begins to stop: from now on the application is not ready.
    fn begin_stop(&self) {}

    /// The time to finish is over: what waits for its turn is refused, now.
    fn refuse_waiting(&self) {}
}

/// Why and how a server stops.
pub(crate) struct Stop {
    /// For the log: `SIGTERM`, say.
    pub(crate) cause: &'static str,
    /// Once ready, the server stops without finishing anything.
    pub(crate) at_once: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Stop {
    /// A stop that the program asks for; nothing hurries it.
    pub(crate) fn asked() -> Self {
        Self {
            cause: "the program",
            at_once: Box::pin(std::future::pending()),
        }
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop")
            .field("cause", &self.cause)
            .finish_non_exhaustive()
    }
}

/// How serving ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServeOutcome {
    pub(crate) how: Ended,
    /// Connections that were cut before everything was finished.
    pub(crate) cut: usize,
    /// What is left of `shutdown_grace`.
    pub(crate) left: Duration,
}

/// Whether a server finished what it had taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ended {
    #[default]
    Finished,
    /// `shutdown_grace` was over before.
    Late,
    /// It was told to stop at once.
    AtOnce,
}

/// Serves an application on a listener until `stop`, and then to the end of
/// what runs, within `shutdown_grace`.
pub(crate) async fn serve<A: Application>(
    app: Arc<A>,
    listener: TcpListener,
    stop: impl Future<Output = Stop>,
) -> ServeOutcome {
    let connections_max = files::connections_max(app.settings(), files::raise_limit());
    let server = Server::new(app, connections_max);
    let sweeper = Sweeper(tokio::spawn(Arc::clone(&server.shared).sweep()));
    let stop = tokio::select! {
        stop = stop => stop,
        () = server.accept(&listener) => unreachable!("accepting does not end"),
    };
    let outcome = finish(&server, listener, stop).await;
    drop(sweeper);
    outcome
}

/// Serves what accompanies another server, from the first moment to its last:
/// until `end`, and then no longer than it takes to answer what is being
/// answered.
pub(crate) async fn serve_beside<A: Application>(
    app: Arc<A>,
    listener: TcpListener,
    end: impl Future<Output = ()>,
) {
    let connections_max = app.settings().max_connections;
    let server = Server::new(app, connections_max);
    let sweeper = Sweeper(tokio::spawn(Arc::clone(&server.shared).sweep()));
    tokio::select! {
        () = end => {}
        () = server.accept(&listener) => unreachable!("accepting does not end"),
    }
    drop(listener);
    server.shared.enter(Stage::Closing);
    if timeout(BESIDE_WAIT, server.all_closed()).await.is_err() {
        server.shared.enter(Stage::Cutting);
        // A task that does not yield cannot be waited for.
        let _ = timeout(CUT_WAIT, server.all_closed()).await;
    }
    drop(sweeper);
}

/// How long the last answers of a server beside another may take.
const BESIDE_WAIT: Duration = Duration::from_millis(500);

/// The sweeper ends with the server.
struct Sweeper(tokio::task::JoinHandle<()>);

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn finish<A: Application>(
    server: &Arc<Server<A>>,
    listener: TcpListener,
    stop: Stop,
) -> ServeOutcome {
    let settings = &server.settings;
    kept::quietly(|| tracing::info!(cause = stop.cause, connections = server.open(), "stopping"));
    server.app.begin_stop();
    let leave = async {
        tokio::select! {
            () = server.accept(&listener) => {}
            () = sleep(settings.drain_delay) => {}
        }
        leave(server, listener).await;
    };
    // `shutdown_grace` is the time in all: what kills the process counts so.
    let grace = settings.shutdown_grace.max(settings.drain_delay);
    let began = clock::now();
    let refuse_waiting = async {
        sleep(grace.saturating_sub(last_words(grace))).await;
        server.app.refuse_waiting();
        std::future::pending::<()>().await;
    };
    let how = tokio::select! {
        finished = timeout(grace, leave) => match finished {
            Ok(()) => Ended::Finished,
            Err(_) => Ended::Late,
        },
        () = refuse_waiting => unreachable!("it waits for ever"),
        () = stop.at_once => Ended::AtOnce,
    };
    if how == Ended::Finished {
        kept::quietly(|| tracing::info!("stopped"));
        let left = grace.saturating_sub(clock::now() - began);
        return ServeOutcome { how, cut: 0, left };
    }
    cut(server, how).await
}

/// The end of the grace in which what waits for its turn is refused, so that its
/// clients hear so before their connections are cut.
fn last_words(grace: Duration) -> Duration {
    (grace / 10).min(Duration::from_millis(500))
}

/// Serves what has come and lets nothing more in.
async fn leave<A: Application>(server: &Arc<Server<A>>, listener: TcpListener) {
    let listener = match listener.into_std() {
        Ok(listener) => Some(listener),
        Err(error) => {
            kept::quietly(
                || tracing::warn!(%error, "connections that wait to be accepted are lost"),
            );
            None
        }
    };
    server.shared.enter(Stage::Leaving);
    // Dropped as soon as nothing waits any more.
    let left = listener.filter(|listener| !server.accept_waiting(listener));
    tokio::select! {
        () = sleep(server.settings.drain_idle) => {}
        () = server.all_closed() => {}
    }
    server.shared.enter(Stage::Closing);
    if let Some(listener) = left {
        server.accept_rest(&listener).await;
    }
    server.all_closed().await;
}

/// How long connections have to write a refusal, and then to notice that they are cut.
const CUT_WAIT: Duration = Duration::from_millis(100);

async fn cut<A: Application>(server: &Arc<Server<A>>, how: Ended) -> ServeOutcome {
    if how == Ended::AtOnce {
        server.app.refuse_waiting();
        // Connections without a request are not cut, but closed.
        server.shared.enter(Stage::Closing);
        let _ = timeout(CUT_WAIT, server.all_closed()).await;
    }
    let outcome = ServeOutcome {
        how,
        cut: server.open(),
        left: Duration::ZERO,
    };
    server.shared.enter(Stage::Cutting);
    kept::quietly(|| {
        tracing::warn!(
            connections = outcome.cut,
            "stopped before everything was finished"
        );
    });
    // A task that does not yield cannot be waited for.
    let _ = timeout(CUT_WAIT, server.all_closed()).await;
    outcome
}
