//! The types that serde expects of buffered texts.
//!
//! Beside `flatten`, and for enums with or without a tag, serde's derive buffers a value before it knows the type. A
//! text is then buffered as a text, though an integer may be needed. The refusal names the expected type and borrows
//! the refused text. So the input is read again, and the text is passed as a value of the expected type. A good first
//! reading costs nothing extra.
//!
//! The findings are stored in a thread-local, since serde has no place for them.

use std::cell::RefCell;

use serde::de::Unexpected;

use crate::FromParam;

/// A text by its address and its length.
pub(super) type Piece = (usize, usize);

/// How often one input is read again. Each reading finds the type of at least one text. A type with more flattened
/// fields that are no text is refused.
const READINGS_MAX: usize = 64;

/// The value that a text is passed as.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Guess {
    /// The one element of a list.
    pub(super) list: bool,
    pub(super) scalar: Option<Scalar>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar {
    /// An empty text where no text is expected.
    Nothing,
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Bool(bool),
}

thread_local! {
    static LEARNED: RefCell<Vec<(Piece, Guess)>> = const { RefCell::new(Vec::new()) };
}

/// Reads again as long as a refusal tells something new.
pub(super) fn read<T, E>(read: impl Fn() -> Result<T, E>) -> Result<T, E> {
    forget();
    let mut result = read();
    for _ in 0..READINGS_MAX {
        let known = take_news();
        if result.is_ok() || !known {
            break;
        }
        result = read();
    }
    result
}

thread_local! {
    static NEWS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

fn forget() {
    NEWS.set(false);
    LEARNED.with_borrow_mut(Vec::clear);
}

fn take_news() -> bool {
    NEWS.replace(false)
}

fn piece(text: &str) -> Piece {
    (text.as_ptr().addr(), text.len())
}

/// The findings about a text.
pub(super) fn of(text: &str) -> Guess {
    let piece = piece(text);
    LEARNED.with_borrow(|learned| {
        let known = learned.iter().find(|(known, _)| *known == piece);
        known.map(|(_, guess)| *guess).unwrap_or_default()
    })
}

/// Notes that an empty text means no value.
#[cold]
pub(super) fn nothing(text: &str) {
    learn(piece(text), |guess| {
        guess.scalar.is_none() && {
            guess.scalar = Some(Scalar::Nothing);
            true
        }
    });
}

/// Notes the expected type of a text, from serde's words.
#[cold]
pub(super) fn wanted(text: &str, expectation: &str) -> Option<Piece> {
    let piece = piece(text);
    let is_list = expectation == "a sequence" || expectation.starts_with("a tuple");
    let scalar = scalar(text, expectation);
    learn(piece, |guess| {
        let news = (is_list && !guess.list) || (scalar.is_some() && guess.scalar.is_none());
        guess.list |= is_list;
        guess.scalar = guess.scalar.or(scalar);
        news
    });
    Some(piece)
}

/// The text that was passed as the value that is now refused.
#[cold]
pub(super) fn find(found: &Unexpected<'_>) -> Option<Piece> {
    let value = match *found {
        Unexpected::Unsigned(value) => Scalar::Unsigned(value),
        Unexpected::Signed(value) => Scalar::Signed(value),
        Unexpected::Float(value) => Scalar::Float(value),
        Unexpected::Bool(value) => Scalar::Bool(value),
        Unexpected::Unit => Scalar::Nothing,
        _ => return None,
    };
    LEARNED.with_borrow(|learned| {
        let known = learned
            .iter()
            .find(|(_, guess)| guess.scalar == Some(value));
        known.map(|(piece, _)| *piece)
    })
}

fn learn(piece: Piece, change: impl FnOnce(&mut Guess) -> bool) {
    LEARNED.with_borrow_mut(|learned| {
        let at = learned.iter().position(|(known, _)| *known == piece);
        let at = at.unwrap_or_else(|| {
            learned.push((piece, Guess::default()));
            learned.len() - 1
        });
        if change(&mut learned[at].1) {
            NEWS.set(true);
        }
    });
}

fn scalar(text: &str, expectation: &str) -> Option<Scalar> {
    let name = expectation
        .strip_prefix("a nonzero ")
        .unwrap_or(expectation);
    match name {
        _ if text.is_empty() => Some(Scalar::Nothing),
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => text
            .parse()
            .map(Scalar::Unsigned)
            .or_else(|_| text.parse().map(Scalar::Signed))
            .ok(),
        "f32" | "f64" => f64::from_param(text).map(Scalar::Float).ok(),
        "a boolean" => bool::from_param(text).map(Scalar::Bool).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Scalar, scalar};

    #[test]
    fn texts_are_taken_as_what_is_wanted_if_they_are_that() {
        assert_eq!(scalar("5", "u8"), Some(Scalar::Unsigned(5)));
        assert_eq!(scalar("-5", "i64"), Some(Scalar::Signed(-5)));
        assert_eq!(scalar("x", "i64"), None);
        assert_eq!(scalar("5", "f32"), Some(Scalar::Float(5.0)));
        assert_eq!(scalar("inf", "f64"), None);
        assert_eq!(scalar("yes", "a boolean"), Some(Scalar::Bool(true)));
        assert_eq!(scalar("", "a nonzero u8"), Some(Scalar::Nothing));
        assert_eq!(scalar("5", "a string"), None);
    }
}
