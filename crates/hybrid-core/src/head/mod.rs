//! What the client sent before the body, and the route that it matched: facts that
//! every later stage reads. Nothing here knows a running application.

mod peer;
mod request_head;
mod route;

pub use peer::{ClientAddr, Peer};
pub use request_head::Head;
pub(crate) use request_head::{Matched, PathValues, RequestHead};
pub(crate) use route::{ConcurrencyLimit, Route};
