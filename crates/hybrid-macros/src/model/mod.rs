//! The model of a handler: the second stage.
//!
//! It is built from the result of `parse`. Every part is filled in or reported. `check` and `expand` read the model and
//! never an attribute. Each value keeps its syntax node, so that a check can report at it.

mod argument;
mod route;

pub(crate) use argument::{Argument, ArgumentKind, ArgumentSource, TextArgument, says_source};
pub(crate) use route::{FunctionDocs, Route, Signature, root};
