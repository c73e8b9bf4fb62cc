//! The rules that a whole handler must keep, one function each.

use crate::diag::Diagnostics;
use crate::model::Route;

/// Runs every check on a route.
pub(crate) fn route(_route: &Route, _diag: &mut Diagnostics) {}
