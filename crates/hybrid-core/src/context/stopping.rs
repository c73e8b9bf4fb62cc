//! The end of a running application: what waits is refused, and what runs has a time
//! to finish.

use std::time::Duration;

use hybrid_engine::{background, clock, sync::Ordering};

use super::{Processes, ServerContext};

impl ServerContext {
    /// The server begins to stop: from now on it is not ready.
    pub(crate) fn begin_stop(&self) {
        self.stops.store(true, Ordering::Relaxed);
    }

    /// The time to finish is over: what waits for its turn is refused, now.
    pub(crate) fn refuse_waiting(&self) {
        let limits = self
            .routes
            .iter()
            .filter_map(|route| route.running.as_ref());
        limits.for_each(|limit| limit.permits.close());
        if let Processes::InWorkers(workers) = &self.processes {
            workers.close();
        }
        let requests = self.pool.cut();
        if requests > 0 {
            background::quietly(|| tracing::warn!(requests, "requests that waited were refused"));
        }
    }

    /// Waits until every handler that outlived its client has ended, and every
    /// pool thread has left.
    pub(crate) async fn finish(&self, longest: Duration) {
        let all = u32::try_from(self.settings.queue_depth).unwrap_or(u32::MAX);
        let until = clock::now() + longest;
        let detached = self.detached.acquire_many(all);
        if tokio::time::timeout_at(until.into(), detached)
            .await
            .is_err()
        {
            background::quietly(|| tracing::warn!("handlers whose clients have left were cut"));
        }
        if let Processes::InWorkers(workers) = &self.processes {
            workers.close();
            if tokio::time::timeout_at(until.into(), workers.join())
                .await
                .is_err()
            {
                background::quietly(|| {
                    tracing::warn!("worker processes are still busy and are killed")
                });
            }
        }
        self.pool.close();
        if tokio::time::timeout_at(until.into(), self.pool.join())
            .await
            .is_err()
        {
            let threads = self.pool.gauges().busy;
            background::quietly(|| {
                tracing::warn!(threads, "pool threads are still busy and were left")
            });
        }
        self.balancer.close();
        // It leaves as soon as it is woken.
        let _ = tokio::time::timeout_at(until.into(), self.balancer.join()).await;
    }
}
