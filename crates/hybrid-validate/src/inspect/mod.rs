//! Builds a value from an input and reports every violation in it, rather than the first.
//!
//! serde stops at the first fault. A good body needs only this one pass. The sender of a bad body should see all
//! faults, so a bad body is read again:
//!
//! ```text
//! bytes ─serde→ value                                            (good: nothing here runs)
//! bytes ─serde→ fault ─RawValue→ Input ─Inspect→ violations       (bad: every fault, with its place)
//! pairs of text ───────────────────→ Input ─Inspect→ value        (query, form, headers, path: one pass)
//! ```
//!
//! The second pass reads the raw text level by level. It does not use `serde_json::Value`, which drops duplicate keys
//! and rounds large integers. Violations come in the order of the declared fields, then unknown keys, then the entries
//! of maps in the order sent.
//!
//! [`Inspect`] is implemented here for types of the standard library, and by `#[model]` for users' types. Other types
//! are read by serde (module [`serde_types`]): from texts it reports the first fault, from JSON all faults of the models
//! inside (module `trace`). The second pass decides: if it finds no fault, the value is accepted. The module is
//! independent of requests: the caller chooses the source and the type.

pub mod check;
pub mod fields;
pub mod json;
pub mod pairs;
#[doc(hidden)]
pub mod private;
pub mod probe;
pub mod serde_types;
pub mod shape;
pub mod strict;
pub mod strict_dates;
pub mod survey;
pub mod variants;

mod borrowed;
mod buffered_texts;
mod containers;
mod elements;
mod error;
mod field_value;
mod fields_format;
mod finite;
mod flat_option;
mod forward;
mod input;
mod json_format;
mod patch;
mod path_format;
mod scalars;
mod spans;
mod spelling;
mod text_format;
mod trace;

pub use check::{Check, Inside, Refusal};
pub use elements::Elements;
pub use error::ReadError;
pub use fields::Fields;
pub use input::{Input, Inspect, Take};
pub use json::{Json, NotJson, read_json, read_json_plain, read_json_validator};
pub use pairs::{
    read_pairs, read_pairs_plain, read_pairs_validator, read_path_plain, read_path_validator,
};
pub use survey::Survey;
pub use text_format::Texts;
