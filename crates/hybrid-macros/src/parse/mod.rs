//! Reads tokens into raw values with their spans. Checks syntax and duplicates only.

pub(crate) mod function;
pub(crate) mod param;
pub(crate) mod template;
pub(crate) mod units;
