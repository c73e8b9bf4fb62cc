//! What the framework measures about itself. [`clock`] is the only place where
//! time is read.

pub(crate) mod clock;
