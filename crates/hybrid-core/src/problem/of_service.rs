//! The problem that stands for an error of a tower service.

use crate::{
    BoxError,
    problem::{Problem, kinds},
};

impl Problem {
    /// What an error of a layer or a mounted service is answered with.
    pub(crate) fn of_service_error(error: &BoxError) -> Self {
        let no_room = error.is::<tower::load_shed::error::Overloaded>()
            || error.is::<tower::timeout::error::Elapsed>();
        if no_room {
            return Self::overloaded("a layer refused the request");
        }
        Self::of(&kinds::INTERNAL).with_detail(format!("a layer failed: {error}"))
    }
}
