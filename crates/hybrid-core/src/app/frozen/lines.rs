//! Where an answer leaves the application: the line that its request has in the log.

use http::request::Parts as Http;
use tracing::Instrument as _;

use super::{Answering, Catching, Frozen};
use crate::{
    Response,
    body::Body,
    head::Came,
    log::requests::{self, Line, Seen},
    server::Local,
    spec::Lane,
    telemetry::InFlight,
};

impl Frozen {
    /// Begins to answer a request whose span is wanted, or whose line in any case.
    #[cold]
    pub(super) fn answering_in_span(
        app: Local<Self>,
        mut came: Box<Came>,
        body: Body,
    ) -> Answering {
        let has_line = app.lines_from == 0;
        // Named now, so that handler, span and line have the same name for it.
        let id = requests::name(&mut came.http.headers);
        let method = came.http.method.clone();
        let mut answering = Self::answering_alone(app, came, body);
        let route = answering.route();
        let lane = route.map_or(Lane::Event, |route| route.class.effective_lane.get());
        let span = requests::span(&method, route, lane, &id, has_line);
        if let Some(serving) = answering.serving.take() {
            answering.serving = Catching::new(Box::pin(serving.instrument(span)));
        }
        answering
    }
}

/// The line of a head that the server refuses with a 5xx.
#[cold]
pub(super) fn log_refusal(http: &Http, in_flight: &InFlight, response: &mut Response) {
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
            route,
            lane: route.map_or(Lane::Event, |route| route.class.effective_lane.get()),
            method: self
                .in_flight
                .as_ref()
                .map(|request| self.app.telemetry.variant(request)),
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
