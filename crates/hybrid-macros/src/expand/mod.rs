//! Generates tokens from the model. It cannot fail, and reads only the model.

pub(crate) mod arguments;
pub(crate) mod route;
