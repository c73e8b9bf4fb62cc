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

/// An error that registers itself.
#[derive(Debug, Problem)]
pub enum Failed {
    /// It is not there.
    #[problem(status = 404, code = "no_file")]
    Missing,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("there is no such file")
    }
}

impl std::error::Error for Failed {}

#[allow(deprecated)]
fn main() {
    let _ = App::new().routes(routes![documented]);
    let _ = [Word::One, Word::Two];
    assert_eq!(Problem::from(Failed::Missing).status(), 404);
}
