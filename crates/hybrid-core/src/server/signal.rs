//! The signals that stop a server: SIGINT and SIGTERM. The first asks it to
//! finish, the second to stop at once. SIGHUP, which a terminal sends that is closed,
//! is ignored.

use std::io;

use hybrid_engine::background;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Stop;

/// Listens from the moment it is made, so that a signal that comes before the
/// server waits is not lost.
///
/// # Errors
/// The system refuses the handlers.
pub(crate) fn stop() -> io::Result<impl Future<Output = Stop> + Send + 'static> {
    let mut signals = Signals {
        interrupt: signal(SignalKind::interrupt())?,
        terminate: signal(SignalKind::terminate())?,
        hangup: signal(SignalKind::hangup())?,
    };
    Ok(async move {
        let cause = signals.next().await;
        let at_once = async move {
            signals.next().await;
        };
        Stop {
            cause,
            at_once: Box::pin(at_once),
        }
    })
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    async fn next(&mut self) -> &'static str {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.hangup.recv() => {
                    background::quietly(|| tracing::info!("SIGHUP is ignored"));
                }
            }
        }
    }
}
