//! Values that contain no other value: numbers, texts, addresses.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize, NonZeroU8,
    NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128, NonZeroUsize,
};

use serde_json::Value;

use super::json::JsonKind;
use super::{Input, Inspect, Json};
use crate::{FromParam, FromTexts, Report, Style};

/// Reads one text: a scalar needs exactly one. A whole source is accepted if it has one entry: `Path<u64>`.
fn from_text<T: FromParam>(input: Input<'_>, report: &mut Report) -> Option<T> {
    match input {
        Input::Texts(texts) => T::from_texts(texts, Style::Repeated, report),
        Input::Pairs([(key, text)]) => report.at_borrowed_key(key, |report| {
            T::from_texts(std::slice::from_ref(text), Style::Repeated, report)
        }),
        Input::Pairs([]) => {
            report.missing();
            None
        }
        Input::Pairs(_) | Input::Rest(_) | Input::Json(_) => {
            report.expected("a single value");
            None
        }
    }
}

/// Reads a number that serde_json does not take: `-0` for an integer, which is 0. Other numbers are refused with the
/// sentence that the type has for texts.
#[cold]
fn other_number<T: FromParam>(text: &str, report: &mut Report) -> Option<T> {
    match T::from_param(text) {
        Ok(value) => Some(value),
        Err(error) => error.report(report),
    }
}

/// The characters, if the piece is a string.
pub(super) fn string<'a>(json: Json<'a>, report: &mut Report) -> Option<Cow<'a, str>> {
    if !json.open(JsonKind::String, report) {
        return None;
    }
    let text = json.string();
    if text.is_none() {
        report.expected("a string of Unicode characters");
    }
    text
}

macro_rules! numbers {
    ($what:literal, $fits:expr; $($ty:ty)*) => {$(
        impl Inspect for $ty {
            const IS_LEAF: bool = true;

            fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self> {
                let Input::Json(json) = input else { return from_text(input, report) };
                if json.kind() != JsonKind::Number {
                    report.expected($what);
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
// serde would make infinity of a number beyond the range of `f32`.
numbers!("a number", |number: &f32| number.is_finite(); f32);
numbers!("a number", always; f64);

impl Inspect for bool {
    const IS_LEAF: Self = true;

    fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self> {
        let Input::Json(json) = input else {
            return from_text(input, report);
        };
        json.open(JsonKind::Bool, report)
            .then(|| json.text() == "true")
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
            Input::Json(json) => json.open(JsonKind::Null, report).then_some(()),
            Input::Texts(_) | Input::Pairs(_) | Input::Rest(_) => Some(()),
        }
    }
}

/// Any value. From text it is a string, or an array of strings if the key is repeated.
impl Inspect for Value {
    const IS_LEAF: bool = true;

    fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self> {
        match input {
            Input::Texts([only]) => Some(Self::from(&**only)),
            Input::Texts(texts) => Some(texts.iter().map(|text| &**text).collect()),
            Input::Json(_) | Input::Pairs(_) | Input::Rest(_) => {
                super::serde_types::inspect(input, report)
            }
        }
    }
}
