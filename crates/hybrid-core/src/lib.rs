//! The runtime of hybrid.
