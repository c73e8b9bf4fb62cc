//! Mistakes, one a file, and what the compiler says about each: the `.stderr` beside the file is read by people before it
//! is committed. `TRYBUILD=overwrite cargo test -p hybrid-ui` writes them anew.
//!
//! The text depends on the compiler, so the toolchain is pinned for it.

#[test]
fn mistakes_are_told_with_their_fix() {
    let cases = trybuild::TestCases::new();
    cases.pass("pass/*.rs");
    for subject in ["route", "param", "lane", "derive", "model"] {
        cases.compile_fail(format!("{subject}/*.rs"));
    }
}
