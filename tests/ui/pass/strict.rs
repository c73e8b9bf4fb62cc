#![forbid(unsafe_code)]
#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    rust_2018_idioms,
    single_use_lifetimes,
    non_ascii_idents
)]

//! What a strict crate denies does not hit generated code.

use hybrid::prelude::*;

/// A handler of a library.
///
/// With a second paragraph.
#[get("/a/{id}")]
#[deprecated]
pub async fn documented(id: u64, #[query(regex = "x")] n: String, #[query(default = 1)] m: u8) -> String {
    format!("{id}{n}{m}")
}

/// One of two.
#[derive(Debug, FromParam)]
pub enum Word {
    /// The first.
    One,
    /// The second.
    Two,
}

#[allow(deprecated)]
fn main() {
    let _ = App::new().routes(routes![documented]);
    let _ = [Word::One, Word::Two];
}
