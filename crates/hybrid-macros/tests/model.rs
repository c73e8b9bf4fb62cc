//! `#[model]` against the runtime it is written for: what is accepted, what is refused, and where.

#[path = "model/facade.rs"]
mod facade;

#[path = "model/basics.rs"]
mod basics;
