//! Programs that know the framework under another name.
//!
//! They also forbid what generated code must not do: the restriction lints of clippy
//! that a strict company switches on fire on what people write, not on what our macros
//! write.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::absolute_paths,
        clippy::allow_attributes,
        clippy::as_conversions,
        clippy::default_numeric_fallback,
        clippy::exhaustive_enums,
        clippy::exhaustive_structs,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::items_after_statements,
        clippy::let_underscore_must_use,
        clippy::let_underscore_untyped,
        clippy::missing_docs_in_private_items,
        clippy::module_name_repetitions,
        clippy::pattern_type_mismatch,
        clippy::same_name_method,
        clippy::shadow_unrelated,
        clippy::unreachable,
        clippy::unwrap_used,
        clippy::wildcard_enum_match_arm,
        clippy::wildcard_imports
    )
)]

pub mod by_name;
pub mod by_path;
