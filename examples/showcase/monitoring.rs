//! Monitoring: the application's own pages about its measurements. For operators there are the
//! admin endpoints at `/_hybrid`.

use std::time::Duration;

use hybrid::{
    Routes,
    observability::{RouteStats, Stats},
    prelude::*,
};

pub(crate) fn routes() -> Routes {
    routes![handler_stats, performance_metrics]
}

#[model(output)]
struct HandlerStats {
    total_handlers: usize,
    sync_handlers: usize,
    async_handlers: usize,
    performance: String,
}

/// Counts the handlers of each kind.
#[get("/handler-stats")]
fn handler_stats(stats: Stats) -> Json<HandlerStats> {
    let total_handlers = stats.routes().len();
    let async_handlers = stats.routes().iter().filter(|route| route.is_async).count();
    Json(HandlerStats {
        total_handlers,
        sync_handlers: total_handlers - async_handlers,
        async_handlers,
        performance: Kind::of(stats.routes().iter()).say(),
    })
}

#[model(output)]
struct Performance {
    metrics: Metrics,
    recommendations: Recommendations,
}

#[model(output)]
struct Metrics {
    total_requests: u64,
    avg_response_time: String,
    sync_handlers_performance: String,
    async_handlers_performance: String,
}

#[model(output)]
struct Recommendations {
    sync_handlers: String,
    async_handlers: String,
    hybrid_benefit: String,
}

/// Returns the times of both kinds of handlers up to now, and their use.
#[get("/performance-metrics")]
fn performance_metrics(stats: Stats) -> Json<Performance> {
    let (of_async, of_sync): (Vec<_>, Vec<_>) =
        stats.routes().iter().partition(|route| route.is_async);
    let all = Kind::of(stats.routes().iter());
    let sync = Kind::of(of_sync.iter().copied());
    Json(Performance {
        metrics: Metrics {
            total_requests: all.requests,
            avg_response_time: ms(all.mean()),
            sync_handlers_performance: sync.say(),
            async_handlers_performance: Kind::of(of_async.iter().copied()).say(),
        },
        recommendations: Recommendations {
            sync_handlers: format!("compute: {}", names(&of_sync, computes)),
            async_handlers: format!("wait: {}", names(&of_async, |route| !computes(route))),
            hybrid_benefit: format!("{} requests ran on threads, not on a loop", sync.requests),
        },
    })
}

/// The times of all handlers of one kind together.
struct Kind {
    requests: u64,
    errors: u64,
    answered: u64,
    took: Duration,
}

impl Kind {
    fn of<'a>(routes: impl Iterator<Item = &'a RouteStats>) -> Self {
        let none = Self {
            requests: 0,
            errors: 0,
            answered: 0,
            took: Duration::ZERO,
        };
        routes.fold(none, |sum, route| Self {
            requests: sum.requests + route.requests,
            errors: sum.errors + route.errors,
            answered: sum.answered + route.answered,
            took: sum.took + route.duration_sum,
        })
    }

    fn mean(&self) -> Duration {
        let answered = u32::try_from(self.answered).unwrap_or(u32::MAX);
        self.took.checked_div(answered).unwrap_or_default()
    }

    fn say(&self) -> String {
        let (requests, errors, mean) = (self.requests, self.errors, ms(self.mean()));
        format!("{requests} requests, {errors} failed, {mean} on average")
    }
}

/// Whether the runs of a route spent more time computing than waiting.
fn computes(route: &RouteStats) -> bool {
    matches!((route.cpu, route.blocked), (Some(cpu), Some(blocked)) if cpu.p50 > blocked.p50)
}

fn names(routes: &[&RouteStats], wanted: impl Fn(&RouteStats) -> bool) -> String {
    let measured = routes.iter().filter(|route| route.cpu.is_some());
    let named: Vec<_> = measured
        .filter(|route| wanted(route))
        .map(|route| route.name)
        .collect();
    if named.is_empty() {
        "none that was measured".to_owned()
    } else {
        named.join(", ")
    }
}

fn ms(duration: Duration) -> String {
    format!("{:.2}ms", duration.as_secs_f64() * 1000.0)
}
