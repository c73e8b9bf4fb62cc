//! hybrid.
