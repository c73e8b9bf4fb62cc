//! Tokens to raw values with their spans. Judges syntax and duplicates, nothing else.

pub(crate) mod function;
pub(crate) mod param;
pub(crate) mod template;
pub(crate) mod units;
