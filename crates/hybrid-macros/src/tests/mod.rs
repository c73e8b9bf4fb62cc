//! Whole expansions, seen as `cargo expand` shows them.

mod expand;
mod mistakes;
