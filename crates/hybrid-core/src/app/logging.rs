//! The log of a process that `run()` owns. A program with a subscriber of its
//! own keeps it.

use std::collections::BTreeMap;

use super::{Frozen, build::check_word};
use crate::{
    config::{Mode, Warnings},
    router::Route,
};

#[cfg(not(feature = "logging"))]
pub(crate) use self::silent::{start, start_in_worker};
#[cfg(feature = "logging")]
pub(crate) use self::subscriber::{start, start_in_worker};

/// What is installed where the program has nothing of its own.
#[cfg(feature = "logging")]
mod subscriber {
    use tracing_subscriber::{EnvFilter, fmt, util::SubscriberInitExt};

    use crate::config::{LogFormat, Settings};

    /// Installs a subscriber, unless the program has one.
    pub(crate) fn start(settings: &Settings) {
        let filter = EnvFilter::new(&settings.log);
        let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
        // An error means that a subscriber is installed already, which is fine.
        let _ = match settings.log_format {
            LogFormat::Json => builder.json().finish().try_init(),
            LogFormat::Text => builder.finish().try_init(),
        };
    }

    /// As [`start`], in a worker process: the server puts time and process before each
    /// line.
    pub(crate) fn start_in_worker(settings: &Settings) {
        let builder = fmt()
            .with_env_filter(EnvFilter::new(&settings.log))
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .without_time();
        let _ = builder.finish().try_init();
    }
}

/// Without the feature `logging` the program installs what it wants.
#[cfg(not(feature = "logging"))]
mod silent {
    use crate::config::Settings;

    pub(crate) fn start(_: &Settings) {}

    pub(crate) fn start_in_worker(_: &Settings) {}
}

/// One line a route, and what is odd about the configuration.
pub(super) fn say_start(app: &Frozen, warnings: &Warnings) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let mut by_module = BTreeMap::<_, usize>::new();
    for route in app.routes() {
        *by_module.entry(route.spec.module).or_default() += 1;
    }
    for (module, routes) in by_module {
        tracing::debug!(module, routes, "routes of a module");
    }
    let settings = app.settings();
    if settings.mode != Mode::Hybrid {
        tracing::warn!(
            mode = settings.mode.as_str(),
            "every handler runs one way, for comparison; the balancer moves nothing"
        );
    }
    for route in app.routes() {
        let spec = &route.spec;
        let methods = spec.methods.join(",");
        let place = format!("{}:{}", spec.file, spec.line);
        let body = check_word(route.body_check).unwrap_or("none");
        tracing::info!(
            methods,
            path = route.path,
            lane = lane_word(route),
            handler = spec.name,
            body,
            place,
            "route"
        );
    }
}

/// Where a route begins; `auto` where the balancer may run it inline.
fn lane_word(route: &Route) -> &'static str {
    if route.is_auto {
        "auto"
    } else {
        route.effective_lane.get().as_str()
    }
}
