//! Shared memory for bodies that are too large for a message.
