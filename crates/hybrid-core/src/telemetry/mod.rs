//! What is HTTP in the measurements: the methods and the sources of refused values,
//! by which the engine's [`Telemetry`] counts requests.

use http::Method;
use hybrid_engine::telemetry::Telemetry;
use hybrid_validate::{Source, Violation};

use crate::head::Route;

/// The methods that a label may name where no route is found.
pub(crate) const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE",
];

/// The sources of values that validation refuses: the counters of each series, by
/// their numbers.
pub(crate) const SOURCES: [Source; 7] = [
    Source::Path,
    Source::Query,
    Source::Header,
    Source::Cookie,
    Source::Form,
    Source::File,
    Source::Body,
];

/// Counts the values of a request that were refused.
pub(crate) fn count_refused(
    telemetry: &Telemetry,
    route: &Route,
    method: &Method,
    refused: &[Violation],
) {
    let sources = refused.iter();
    let sources = sources.map(|violation| violation.location.source as u8);
    count_refused_sources(telemetry, route, method, sources);
}

/// As [`count_refused`], by the numbers of their sources: what a worker process refused.
pub(crate) fn count_refused_sources(
    telemetry: &Telemetry,
    route: &Route,
    method: &Method,
    sources: impl Iterator<Item = u8>,
) {
    telemetry.count(&route.class, method, sources.map(usize::from));
}
