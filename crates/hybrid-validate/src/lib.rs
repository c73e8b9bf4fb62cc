//! Rules for values read from requests: value in, verdict out.
//!
//! A `Param` names one value (a query key, a header, a field of a model) and its rules. `const` calls build it, and it
//! lives in a `static`. It checks a value, describes its rules in words, and gives the JSON Schema keywords for them.
//! One object does all three, so the documentation always matches the checks.
//!
//! ```text
//! text of a request ─FromTexts→ value ─rules→ Report ─→ violations, each with its place
//! literal in a macro ─literal::*→ verdict                      (without the `runtime` feature)
//! ```
//!
//! The crate does not depend on HTTP, a server or an async runtime. Without the `runtime` feature it contains only what
//! a macro needs to check literals: numbers, formats, and the syntax of regular expressions.
//!
//! # Reading one value
//!
//! ```
//! # #[cfg(feature = "runtime")] {
//! use hybrid_validate::{Param, Report, Source, query};
//! use std::borrow::Cow;
//!
//! static LIMIT: Param<u32> = query("limit").ge(1).le(100).default(|| 20);
//!
//! let mut report = Report::new(Source::Query);
//! assert_eq!(LIMIT.read(&[Cow::Borrowed("7")], &mut report), Some(7));
//! assert_eq!(LIMIT.read(&[], &mut report), Some(20));
//!
//! LIMIT.read(&[Cow::Borrowed("101")], &mut report);
//! let violations = report.into_violations();
//! assert_eq!(violations[0].code, "le");
//! assert_eq!(violations[0].message, "must be at most 100");
//! # }
//! ```
#![forbid(unsafe_code)]
#![warn(clippy::needless_pass_by_value, clippy::self_named_module_files)]

pub mod literal;

pub mod format;
pub mod number;
pub mod pattern;
pub mod rule;

#[cfg(feature = "runtime")]
pub mod bridge;
#[cfg(feature = "runtime")]
pub mod inspect;
#[doc(hidden)]
#[cfg(feature = "runtime")]
pub use inspect::private as __private;
#[cfg(feature = "runtime")]
pub mod schema;

#[cfg(feature = "runtime")]
pub mod constraint;
#[cfg(feature = "runtime")]
pub mod param;
#[cfg(feature = "runtime")]
pub mod patch;
#[cfg(feature = "runtime")]
pub mod report;
#[cfg(feature = "runtime")]
pub mod text;
#[cfg(feature = "runtime")]
pub mod violation;

pub use format::Format;
pub use number::Num;
pub use pattern::Pattern;
pub use rule::Rule;

#[cfg(feature = "runtime")]
pub use constraint::{Items, Number, Text, UniqueItems};
#[cfg(feature = "runtime")]
pub use param::{Param, cookie, field, file, form, header, path, query};
#[cfg(feature = "runtime")]
pub use patch::Patch;
#[cfg(feature = "runtime")]
pub use report::Report;
#[cfg(feature = "runtime")]
pub use text::{FromParam, FromTexts, ParamError, Style, split_unquoted};
#[cfg(feature = "runtime")]
pub use violation::{Location, Segment, Source, Violation};
