//! `#[model]` against the runtime it is written for: what is accepted, what is refused, and where.

#[path = "model/facade.rs"]
mod facade;

#[path = "model/as_sent.rs"]
mod as_sent;
#[path = "model/basics.rs"]
mod basics;
#[path = "model/buffers.rs"]
mod buffers;
#[path = "model/dates.rs"]
mod dates;
#[path = "model/enums.rs"]
mod enums;
#[path = "model/hygiene.rs"]
mod hygiene;
#[path = "model/inside_plain.rs"]
mod inside_plain;
#[path = "model/nesting.rs"]
mod nesting;
#[path = "model/patches.rs"]
mod patches;
#[path = "model/properties.rs"]
mod properties;
#[path = "model/schemas.rs"]
mod schemas;
#[path = "model/serde_attrs.rs"]
mod serde_attrs;
#[path = "model/sources.rs"]
mod sources;
#[path = "model/words.rs"]
mod words;
