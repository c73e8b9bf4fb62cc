//! What a company puts around the framework: its own name for it, its own errors.

/// The framework, under this crate's name.
pub mod web {
    pub use hybrid::*;
}

/// An error that no handler of any crate names.
#[derive(Debug, hybrid::Problem)]
#[problem(status = 402, code = "unpaid")]
pub struct Unpaid;

impl std::fmt::Display for Unpaid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the invoice is open")
    }
}

impl std::error::Error for Unpaid {}

/// Fails with it.
///
/// # Errors
/// Always.
pub fn pay() -> Result<(), Unpaid> {
    Err(Unpaid)
}
