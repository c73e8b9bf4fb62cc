//! Literals against each other and against the type as it is spelled.

use syn::Type;

use super::Rules;
use crate::diag::Diagnostics;

impl Rules {
    /// Reports every rule that contradicts another one, the type or the default.
    pub(crate) fn check(&self, _ty: &Type, _diag: &mut Diagnostics) {}
}
