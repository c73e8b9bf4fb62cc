//! Generates the code after the user's type from a checked model. It reads only the model, and cannot fail.

mod checks;
mod deserialize;
mod impls;
mod inspect;
mod params;
mod schema;

pub(crate) use impls::{model, stub};
