//! Requests as values: every source and type that a handler takes.

mod building_blocks;
mod headers_and_parts;
mod sources;
