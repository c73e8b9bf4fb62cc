//! Where a response leaves the application: the line that its request has in the log.

use http::{HeaderValue, Method, request::Parts as Http};
use hybrid_engine::{catch::Catching, telemetry::InFlight};
use tracing::Instrument as _;

use super::Answering;
use crate::{
    Response,
    log::requests::{self, Line, Seen},
    spec::Lane,
};

/// Writes the line of a head that the server refuses with a 5xx.
#[cold]
pub(crate) fn log_refusal(http: &Http, in_flight: &InFlight, response: &mut Response) {
    Seen::of(http, Lane::Event).note(response.extensions_mut());
    let line = Line {
        received: in_flight.since(),
        status: response.status(),
        route: None,
        lane: Lane::Event,
        method: None,
    };
    write(&line, response);
}

impl Answering {
    /// Puts it into the span of its request, of that method and that name.
    #[cold]
    pub(crate) fn in_span(mut self, method: &Method, id: &HeaderValue) -> Self {
        let has_line = self.context.lines_from == 0;
        let route = self.route();
        let lane = route.map_or(Lane::Event, |route| route.class.effective_lane.get());
        let path = route.map(|route| route.path.as_str());
        let span = requests::span(method, path, lane, id, has_line);
        if let Some(serving) = self.serving.take() {
            self.serving = Catching::new(Box::pin(serving.instrument(span)));
        }
        self
    }

    /// Writes the line of a request that has one. Inside of layers that is a failure
    /// alone: they may lose its text; all else is known when they are done.
    #[cold]
    pub(super) fn log(&self, response: &mut Response) {
        let is_outermost = self.in_flight.is_some();
        let status = response.status();
        if !is_outermost && !status.is_server_error() {
            return;
        }
        if let Some(seen) = requests::kept_of(self.received) {
            seen.note(response.extensions_mut());
        }
        let route = self.route();
        let line = Line {
            received: self.received,
            status,
            route: route.map(|route| (route.path.as_str(), &route.spec)),
            lane: route.map_or(Lane::Event, |route| route.class.effective_lane.get()),
            method: self
                .in_flight
                .as_ref()
                .map(|request| self.context.telemetry.variant(request)),
        };
        write(&line, response);
    }
}

fn write(line: &Line<'_>, response: &mut Response) {
    // Both are lent at once.
    let mut headers = std::mem::take(response.headers_mut());
    line.write(response.extensions_mut(), &mut headers);
    *response.headers_mut() = headers;
}
