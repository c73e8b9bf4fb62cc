//! Checks of a whole route.

use super::bodies::{one_body, streams_fit};
use super::function::{future_by_hand, plain_function};
use super::sources::names_and_arguments;
use super::values::{raw_body, read_once, single_value};
use crate::diag::Diagnostics;
use crate::model::{ArgumentKind, Route, Signature};
use crate::parse::function::{Function, is_route};
use crate::settings::Lane;

/// The maximal number of arguments of a handler.
const ARGUMENTS_MAX: usize = 16;

/// Runs every check on a route.
pub(crate) fn route(route: &Route, function: &Function, diag: &mut Diagnostics) {
    plain_function(function, "handler", diag);
    one_route(function, diag);
    future_by_hand(function, diag);
    lane_fits(route, diag);
    worker_needs_process(route, diag);
    names_and_arguments(route, diag);
    one_body(&route.signature, diag);
    parameters(&route.signature, diag);
    streams_fit(&route.signature, diag);
    not_too_many(&route.signature, diag);
}

/// Checks that apply to the arguments of extractors too.
pub(crate) fn parameters(signature: &Signature, diag: &mut Diagnostics) {
    for param in signature.params.iter().filter(|param| !param.broken) {
        match &param.read {
            ArgumentKind::Text(text) => single_value(param, text, diag),
            ArgumentKind::RawBody => raw_body(param, diag),
            ArgumentKind::Extractor => {}
        }
    }
    read_once(signature, diag);
}

/// One function is one route: two attributes would generate two structs with one name.
fn one_route(function: &Function, diag: &mut Diagnostics) {
    for attr in function.attrs.iter().filter(|attr| is_route(attr)) {
        let message = "a handler has one route: write `#[route(\"/path\", methods = [..])]` for several methods, \
                       or a second function for a second path";
        diag.error(attr, message);
    }
}

/// The `event` lane polls a future. The other lanes call a function.
fn lane_fits(route: &Route, diag: &mut Diagnostics) {
    let Some((lane, word)) = &route.settings.lane else {
        return;
    };
    let message = match (lane, route.signature.is_async) {
        (Lane::Event, false) => {
            "`lane = event` needs an `async fn`: write `async fn`, or remove the lane"
        }
        (Lane::Pool, true) => {
            "`lane = pool` needs a plain `fn`: remove `async`, or remove the lane and call `hybrid::run_on_pool(..)` inside"
        }
        (Lane::Inline, true) => {
            "`lane = inline` needs a plain `fn`: remove `async`, or remove the lane"
        }
        (Lane::Auto, true) => {
            "`lane = auto` needs a plain `fn`: remove `async`, or remove the lane, an `async fn` runs on the event loop already"
        }
        (Lane::Process, true) => {
            "`lane = process` needs a plain `fn`: remove `async`, or remove the lane"
        }
        (Lane::Event, true) | (Lane::Pool | Lane::Auto | Lane::Inline | Lane::Process, false) => {
            return;
        }
    };
    diag.error(word, message);
}

/// The limits of a worker process have no effect on another lane.
fn worker_needs_process(route: &Route, diag: &mut Diagnostics) {
    if route.lane() == Lane::Process || route.settings.lane_is_broken {
        return;
    }
    for word in &route.settings.worker.words {
        diag.error(word, format_args!("`{word}` needs `lane = process`"));
    }
}

/// The number of arguments is limited, since they are passed as a tuple.
fn not_too_many(signature: &Signature, diag: &mut Diagnostics) {
    if let Some(param) = signature.params.get(ARGUMENTS_MAX) {
        let message = format!(
            "a handler has at most {ARGUMENTS_MAX} arguments: put some together in a `#[model]`, as `Query<T>` or `Json<T>`"
        );
        diag.error(&param.at, message);
    }
}
