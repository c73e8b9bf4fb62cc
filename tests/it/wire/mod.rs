//! What goes over the wire: heads, bodies, errors, and what the server says by itself.

mod body_memory;
mod content_length;
mod error_formats;
mod errors;
mod http2;
mod server;
