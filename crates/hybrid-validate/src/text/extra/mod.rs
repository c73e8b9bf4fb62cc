//! Types of other crates from text. Each has a feature with the name of its crate.

#[cfg(feature = "chrono")]
pub(crate) mod chrono;
#[cfg(feature = "jiff")]
mod jiff;
#[cfg(feature = "uuid")]
mod uuid;
