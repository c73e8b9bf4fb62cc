//! The model to tokens. Cannot fail, and reads nothing but the model.

pub(crate) mod arguments;
pub(crate) mod route;
