//! Values with nothing inside: numbers, texts, addresses.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize, NonZeroU8,
    NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128, NonZeroUsize,
};

use serde_json::Value;

use super::json::Kind;
use super::{Input, Inspect, Json, expected, missing};
use crate::{FromParam, FromTexts, Report, Style};

/// Reads one text, which is all that a source of text can hold for a scalar. A whole source will do, if it has one
/// entry only: `Path<u64>`.
fn from_text<T: FromParam>(input: Input<'_>, report: &mut Report) -> Option<T> {
    match input {
        Input::Texts(texts) => T::from_texts(texts, Style::Repeated, report),
        Input::Pairs([(key, text)]) => report.at_borrowed_key(key, |report| {
            T::from_texts(std::slice::from_ref(text), Style::Repeated, report)
        }),
        Input::Pairs([]) => {
            missing(report);
            None
        }
        Input::Pairs(_) | Input::Rest(_) | Input::Json(_) => {
            expected("a single value", report);
            None
        }
    }
}

/// A number that serde_json does not take: `-0` for an integer, which is 0. Anything else is refused in the words in
/// which the same type refuses a text.
#[cold]
fn other_number<T: FromParam>(text: &str, report: &mut Report) -> Option<T> {
    match T::from_param(text) {
        Ok(value) => Some(value),
        Err(error) => error.report(report),
    }
}

/// The characters of a string, if the piece is one.
pub(super) fn string<'a>(json: Json<'a>, report: &mut Report) -> Option<Cow<'a, str>> {
    if !json.open(Kind::String, report) {
        return None;
    }
    let text = json.string();
    if text.is_none() {
        expected("a string of Unicode characters", report);
    }
    text
}

macro_rules! numbers {
    ($what:literal, $fits:expr; $($ty:ty)*) => {$(
        impl Inspect for $ty {
            const IS_LEAF: bool = true;

            fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self> {
                let Input::Json(json) = input else { return from_text(input, report) };
                if json.kind() != Kind::Number {
                    expected($what, report);
                    return None;
                }
                match serde_json::from_str(json.text()) {
                    Ok(number) if $fits(&number) => Some(number),
                    _ => other_number(json.text(), report),
                }
            }
        }
    )*};
}

const fn always<T>(_: &T) -> bool {
    true
}

numbers!("an integer", always; u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);
numbers!("an integer", always; NonZeroU8 NonZeroU16 NonZeroU32 NonZeroU64 NonZeroU128 NonZeroUsize);
numbers!("an integer", always; NonZeroI8 NonZeroI16 NonZeroI32 NonZeroI64 NonZeroI128 NonZeroIsize);
// serde makes infinity of what an `f32` cannot hold.
numbers!("a number", |number: &f32| number.is_finite(); f32);
numbers!("a number", always; f64);

impl Inspect for bool {
    const IS_LEAF: Self = true;

    fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self> {
        let Input::Json(json) = input else {
            return from_text(input, report);
        };
        json.open(Kind::Bool, report).then(|| json.text() == "true")
    }
}

macro_rules! strings {
    ($($ty:ty)*) => { strings!(from_param: $($ty)*); };
    ($make:ident: $($ty:ty)*) => {$(
        impl Inspect for $ty {
            const IS_LEAF: bool = true;

            fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self> {
                let Input::Json(json) = input else { return from_text(input, report) };
                let text = string(json, report)?;
                match Self::$make(&text) {
                    Ok(value) => Some(value),
                    Err(error) => error.report(report),
                }
            }
        }
    )*};
}

strings!(char IpAddr Ipv4Addr Ipv6Addr SocketAddr SocketAddrV4 SocketAddrV6);
#[cfg(feature = "uuid")]
strings!(uuid::Uuid);
#[cfg(feature = "jiff")]
strings!(jiff::Timestamp jiff::Zoned jiff::civil::Date jiff::civil::Time jiff::civil::DateTime);
#[cfg(feature = "jiff")]
strings!(jiff::Span jiff::SignedDuration);
#[cfg(feature = "chrono")]
use crate::text::extra::chrono::FromJsonText as _;
#[cfg(feature = "chrono")]
strings!(from_json_text: chrono::DateTime<chrono::Utc> chrono::DateTime<chrono::FixedOffset>);
#[cfg(feature = "chrono")]
strings!(from_json_text: chrono::NaiveDate chrono::NaiveTime chrono::NaiveDateTime);

macro_rules! texts {
    ($($ty:ty)*) => {$(
        impl Inspect for $ty {
            const IS_LEAF: bool = true;

            const KEEPS_EMPTY: bool = true;

            fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self> {
                let text = match input {
                    Input::Json(json) => string(json, report)?.into_owned(),
                    _ => from_text::<String>(input, report)?,
                };
                Some(text.into())
            }
        }
    )*};
}

texts!(String Box<str> Cow<'_, str> std::sync::Arc<str> std::rc::Rc<str>);

impl Inspect for () {
    const IS_LEAF: bool = true;

    fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self> {
        match input {
            Input::Json(json) => json.open(Kind::Null, report).then_some(()),
            Input::Texts(_) | Input::Pairs(_) | Input::Rest(_) => Some(()),
        }
    }
}

/// Whatever was sent. From text it is a string, or an array of strings where a key is repeated.
impl Inspect for Value {
    const IS_LEAF: bool = true;

    fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self> {
        match input {
            Input::Texts([only]) => Some(Self::from(&**only)),
            Input::Texts(texts) => Some(texts.iter().map(|text| &**text).collect()),
            Input::Json(_) | Input::Pairs(_) | Input::Rest(_) => {
                super::foreign::inspect(input, report)
            }
        }
    }
}
