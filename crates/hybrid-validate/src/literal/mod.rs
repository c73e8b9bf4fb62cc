//! What a macro asks about the literals of a rule: do they parse, do they contradict each other, and which word
//! was meant. Nothing here needs the `runtime` feature.
//!
//! The same objects judge requests: a macro builds a [`Rule`] from a literal and asks
//! [`Rule::admits_number`] or [`Rule::admits_text`] whether a default keeps it. Two things cannot be told without a
//! regex engine, and are checked when the program starts instead: whether a default is found by a `regex`
//! (`Param::default_violations`) and whether the compiled form of a regex is too large (`Pattern::check`).

use std::cmp::Ordering;

use crate::number::Num;
use crate::pattern::Pattern;
use crate::rule::Rule;

mod number;
mod suggest;

pub use number::parse_number;
pub use suggest::suggest;

/// Whether `source` is a regular expression of the flavour that runs at run time: that of the `regex` crate, with
/// Unicode, nested at most [`Pattern::NEST_MAX`] deep.
///
/// # Errors
/// The reason on one line, such as `unclosed group`.
pub fn regex(source: &str) -> Result<(), String> {
    regex_at(source).map_err(|(reason, _)| reason)
}

/// As [`regex()`], with the bytes of `source` that the reason is about.
///
/// # Errors
/// The reason on one line and the range of bytes.
pub fn regex_at(source: &str) -> Result<(), (String, std::ops::Range<usize>)> {
    let parsed = regex_syntax::ParserBuilder::new()
        .nest_limit(Pattern::NEST_MAX)
        .build()
        .parse(source);
    let (reason, span) = match &parsed {
        Ok(_) => return Ok(()),
        Err(regex_syntax::Error::Parse(error)) => (error.kind().to_string(), *error.span()),
        Err(regex_syntax::Error::Translate(error)) => (error.kind().to_string(), *error.span()),
        Err(other) => return Err((other.to_string().replace('\n', " "), 0..source.len())),
    };
    Err((reason, span.start.offset..span.end.offset))
}

/// The first two rules that no value can keep both: `ge` above `le`, `min_length` above `max_length` and the like.
/// The lower bound is the first of the pair.
#[must_use]
pub fn contradiction(rules: &[Rule]) -> Option<(&Rule, &Rule)> {
    let pairs = rules
        .iter()
        .flat_map(|low| rules.iter().map(move |high| (low, high)));
    pairs.into_iter().find(|(low, high)| contradict(low, high))
}

fn contradict(low: &Rule, high: &Rule) -> bool {
    let above = |low: &Num, high: &Num, equal_too: bool| match low.compare(high) {
        Some(Ordering::Greater) => true,
        Some(Ordering::Equal) => equal_too,
        _ => false,
    };
    match (low, high) {
        (Rule::Ge(low), Rule::Le(high)) => above(low, high, false),
        (Rule::Ge(low), Rule::Lt(high)) | (Rule::Gt(low), Rule::Le(high) | Rule::Lt(high)) => {
            above(low, high, true)
        }
        (Rule::MinLength(low), Rule::MaxLength(high))
        | (Rule::MinItems(low), Rule::MaxItems(high)) => low > high,
        _ => false,
    }
}
