//! The value that every lane holds of its application.

use std::{fmt, future::poll_fn, pin::Pin, sync::Arc};

use hybrid_engine::{
    background,
    balance::Balancer,
    catch::{Catching, Panicked},
    far_deadlines::FarDeadlines,
    pool::Pool,
    sync::{AtomicBool, Ordering},
    telemetry::Telemetry,
};
use tokio::{runtime::Handle, sync::Semaphore};

use super::{BodyMemory, Processes};
use crate::{
    ResponseFuture,
    config::Settings,
    head::Route,
    log::clip,
    per_connection::PerConnection,
    problem::{ErrorFormat, Registry},
    state::States,
};

/// A running application without its router, layers and handlers.
///
/// Nothing in it changes any more but counters, so requests share it without a
/// lock.
pub(crate) struct ServerContext {
    pub(crate) routes: Vec<Arc<Route>>,
    /// The states of the app itself, for requests that no route takes.
    pub(crate) states: States,
    pub(crate) settings: Settings,
    pub(crate) pool: Arc<Pool>,
    pub(crate) body_memory: BodyMemory,
    /// `None` in a worker process, which has no balancer's thread to watch them.
    pub(crate) alarms: Option<Arc<FarDeadlines>>,
    pub(crate) processes: Processes,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) balancer: Balancer,
    pub(crate) registry: Registry,
    pub(crate) error_format: ErrorFormat,
    pub(crate) runtime: Handle,
    /// A permit for each handler that may outlive its client.
    pub(crate) detached: Arc<Semaphore>,
    pub(crate) notes_placement: bool,
    /// Only hyper reads the bodies of responses that no layer is around.
    pub(crate) sends_in_place: bool,
    /// The server has begun to stop.
    pub(crate) stops: AtomicBool,
    /// The least status whose requests have a line in the log.
    pub(crate) lines_from: u16,
}

impl ServerContext {
    /// The least status whose requests have a line in the log.
    pub(crate) fn lines_from(&self) -> u16 {
        self.lines_from
    }

    /// Whether the server has begun to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stops.load(Ordering::Relaxed)
    }

    /// The configuration.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Memory for the bodies of requests.
    pub(crate) fn body_memory(&self) -> &BodyMemory {
        &self.body_memory
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The far deadlines of requests.
    pub(crate) fn alarms(&self) -> Option<&FarDeadlines> {
        self.alarms.as_deref()
    }

    /// What a ticket is queued with.
    pub(crate) fn for_tickets(&self) -> (&Pool, Option<&FarDeadlines>) {
        (&self.pool, self.alarms())
    }

    pub(crate) fn processes(&self) -> &Processes {
        &self.processes
    }

    /// Whether a response's body may stay where a worker process wrote it.
    pub(crate) fn sends_in_place(&self) -> bool {
        self.sends_in_place
    }

    pub(crate) fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    pub(crate) fn balancer(&self) -> &Balancer {
        &self.balancer
    }

    pub(crate) fn notes_placement(&self) -> bool {
        self.notes_placement
    }

    /// How many event loops it is served on.
    pub(crate) fn loops(&self) -> usize {
        self.runtime.metrics().num_workers()
    }

    pub(crate) fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    /// Lets a handler outlive its client, as long as there is room.
    pub(crate) fn detach(
        context: &PerConnection<Self>,
        serving: ResponseFuture,
        route: Option<usize>,
    ) {
        let Ok(permit) = Arc::clone(&context.detached).try_acquire_owned() else {
            background::quietly(|| {
                tracing::warn!("too many handlers outlive their clients; one was cancelled")
            });
            return;
        };
        let context = context.clone();
        let mut serving = Catching::new(serving);
        let runtime = context.runtime.clone();
        runtime.spawn(async move {
            let ended = poll_fn(|cx| {
                let _watching = route.map(|route| context.balancer.watching(route));
                Pin::new(&mut serving).poll(cx)
            });
            if let Err(Panicked(panic)) = ended.await {
                let panic = clip(&panic);
                background::quietly(|| {
                    tracing::error!(panic, "a handler whose client had left panicked")
                });
            }
            drop(permit);
        });
    }
}

impl fmt::Debug for ServerContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerContext")
            .field("routes", &self.routes)
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}
