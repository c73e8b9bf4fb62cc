//! The attributes of hybrid.
