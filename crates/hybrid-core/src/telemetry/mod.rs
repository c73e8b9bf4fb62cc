//! What the framework measures about itself: [`timing`] what one run of a
//! handler took, [`sampling`] which runs are looked at closely, `Telemetry` what
//! became of all. [`clock`] is the only place
//! where time is read, [`reading`] the only one where a thread's accounts are.

pub(crate) mod clock;
pub(crate) mod reading;
pub(crate) mod sampling;
pub(crate) mod timing;

use crate::{router::Route, spec::Lane};
use timing::Timing;

/// The measurements of an application.
#[derive(Debug)]
pub(crate) struct Telemetry {}

impl Telemetry {
    /// For that many routes.
    pub(crate) fn new(_routes: usize) -> Self {
        Self {}
    }

    /// A handler has run there, and took that.
    pub(crate) fn ran(&self, _route: &Route, _lane: Lane, _timing: &Timing) {}
}
