//! Types of other crates from text, each behind the feature that bears the crate's name.

#[cfg(feature = "chrono")]
pub(crate) mod chrono;
#[cfg(feature = "jiff")]
mod jiff;
#[cfg(feature = "uuid")]
mod uuid;
