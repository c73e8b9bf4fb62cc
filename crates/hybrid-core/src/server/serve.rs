//! A server from its first connection to its last, and the stages of its stop.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use hybrid_engine::{background, clock};
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};

use super::{accept::Server, files, shared::Stage};
use crate::{
    BoxResponse, Response, body::Body, config::Settings, head::RequestHead, problem::Problem,
};

/// What a server serves.
pub(crate) trait Application: Send + Sync + Sized + 'static {
    /// The application as one connection holds it.
    type Handle: Send + Sync + 'static;

    /// A request that is being answered. Dropping it means that the client has left.
    type Answer: Future<Output = BoxResponse> + Send + 'static;

    /// The application for a new connection.
    fn connect(app: &Arc<Self>) -> Self::Handle;

    /// Begins to answer a request.
    fn call(app: &Self::Handle, request_head: Box<RequestHead>, body: Body) -> Self::Answer;

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
    background::quietly(|| {
        tracing::info!(cause = stop.cause, connections = server.open(), "stopping")
    });
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
        background::quietly(|| tracing::info!("stopped"));
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
            background::quietly(
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
    background::quietly(|| {
        tracing::warn!(
            connections = outcome.cut,
            "stopped before everything was finished"
        );
    });
    // A task that does not yield cannot be waited for.
    let _ = timeout(CUT_WAIT, server.all_closed()).await;
    outcome
}
