//! What a macro asks about the literals of a rule: whether they parse, whether they contradict each other, and which word
//! the author meant. Nothing here needs the `runtime` feature.
//!
//! The same objects check requests: a macro builds a [`Rule`](crate::Rule) from a literal and asks
//! [`Rule::admits_number`](crate::Rule::admits_number) or [`Rule::admits_text`](crate::Rule::admits_text) whether a
//! default keeps it. Two checks need a regex engine, and run when the program starts: whether a default matches a
//! `regex` (`Param::default_violations`) and whether the compiled form of a regex is too large (`Pattern::check`).

mod contradiction;
mod number;
mod suggest;

pub use contradiction::contradiction;
pub use number::parse_number;
pub use suggest::suggest;

pub use crate::pattern::{regex, regex_at};
