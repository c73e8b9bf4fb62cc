//! Where work runs, and what it costs: the execution engine of hybrid, without HTTP.
#![deny(unsafe_code)]
#![warn(clippy::needless_pass_by_value)]

pub mod background;
pub mod balance;
pub mod catch;
pub mod class;
pub mod clock;
pub mod deadline;
mod engine;
pub mod far_deadlines;
pub mod lane;
pub mod os;
pub mod pool;
#[doc(hidden)]
pub mod sync;
pub mod telemetry;
pub mod ticket;

pub use class::Class;
pub use engine::Engine;
pub use lane::Lane;
pub use pool::Pool;
