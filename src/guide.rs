//! The guides: one page for each subject, with examples that compile.
//!
//! They have no items. The same texts are in the folder `docs/` of the repository. The
//! guides of routes and models are the documentation of [`get`](macro@crate::get) and
//! [`model`](macro@crate::model).

#[doc = include_str!("../docs/coming_from.md")]
pub mod coming_from {}

#[doc = include_str!("../docs/errors.md")]
pub mod errors {}

#[doc = include_str!("../docs/concurrency.md")]
pub mod concurrency {}

#[doc = include_str!("../docs/balancer.md")]
pub mod balancer {}

#[doc = include_str!("../docs/processes.md")]
pub mod processes {}

#[doc = include_str!("../docs/observability.md")]
pub mod observability {}

#[doc = include_str!("../docs/configuration.md")]
pub mod configuration {}

#[doc = include_str!("../docs/performance.md")]
pub mod performance {}

#[doc = include_str!("../docs/glossary.md")]
pub mod glossary {}
