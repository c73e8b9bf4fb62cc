//! What an application is made of, from its start to its stop.

mod guards;
mod layers;
mod mounting;
mod problems;
pub(crate) mod programs;
mod routing;
mod settings;
mod startup;
mod states;
mod stopping;
mod test_client;
