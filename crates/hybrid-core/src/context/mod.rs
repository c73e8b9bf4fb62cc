//! What lanes and extraction need of a running application: its settings, pool,
//! deadlines, measurements and the rendering of errors; and, as [`Parts`] and
//! [`Running`], a request inside of it.
//!
//! Nothing here knows routing, layers or handlers: those are above, in `dispatch`,
//! `router` and `app`.

mod body_memory;
mod current;
mod error_rendering;
mod parts;
mod processes;
mod request_context;
mod server_context;
mod stopping;

pub(crate) use body_memory::{BodyMemory, Reservation, SharedReservation, merge, units};
pub use current::{Current, current};
pub(crate) use current::{Running, enter, entered};
pub use parts::Parts;
pub(crate) use processes::Processes;
pub(crate) use request_context::RequestContext;
pub(crate) use server_context::ServerContext;
