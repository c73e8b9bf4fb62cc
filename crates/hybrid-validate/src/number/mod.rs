//! Numbers as rules see them: exact. Integers are compared as integers and never through `f64`.

mod decimal;
mod num;

pub use num::Num;
