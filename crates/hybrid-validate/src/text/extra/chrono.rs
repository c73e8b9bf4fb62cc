//! Dates and times of the `chrono` crate, in one form each. chrono itself also reads `17-5-5` and `2017 - 05 - 05`. A
//! plain serde type still uses chrono's own `Deserialize`.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde_json::{Value, json};

use crate::format::time::{is_date, is_date_time, is_local_date_time, is_time};
use crate::text::{FromParam, ParamError};

macro_rules! times {
    ($($time:ty, $form:expr, $what:literal, $format:literal;)*) => {$(
        impl FromParam for $time {
            fn from_param(text: &str) -> Result<Self, ParamError> {
                let form: fn(&str) -> bool = $form;
                let parsed = form(text).then(|| text.parse().ok()).flatten();
                parsed.ok_or_else(|| ParamError::expected($what))
            }

            fn schema() -> Value {
                json!({ "type": "string", "format": $format })
            }
        }
    )*};
}

/// A type for which a model's JSON accepts more forms than a text does.
pub(crate) trait FromJsonText: FromParam {
    /// Makes the value.
    fn from_json_text(text: &str) -> Result<Self, ParamError>;
}

macro_rules! in_json {
    ($($time:ty, $form:expr, $what:literal;)*) => {$(
        impl FromJsonText for $time {
            fn from_json_text(text: &str) -> Result<Self, ParamError> {
                let form: fn(&str) -> bool = $form;
                let parsed = form(text).then(|| text.parse().ok()).flatten();
                parsed.ok_or_else(|| ParamError::expected($what))
            }
        }
    )*};
}

in_json! {
    DateTime<Utc>, is_dated, "a date and time with offset (RFC 3339)";
    DateTime<FixedOffset>, is_dated, "a date and time with offset (RFC 3339)";
    NaiveDate, |text| is_dated(text) && !text.contains(' '), "a date (YYYY-MM-DD)";
    NaiveTime, |text| !text.contains(char::is_whitespace), "a time (HH:MM:SS)";
    NaiveDateTime, is_dated, "a date and time (YYYY-MM-DDTHH:MM:SS)";
}

/// A year of four digits first, and no space except one for the `T`.
fn is_dated(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let mut spaces = text.match_indices(char::is_whitespace);
    let space = spaces.next();
    let stands_for_t = space.is_none_or(|(at, space)| {
        let digit = |at: Option<usize>| {
            at.and_then(|at| text.as_bytes().get(at))
                .is_some_and(u8::is_ascii_digit)
        };
        space == " " && digit(at.checked_sub(1)) && digit(Some(at + 1)) && text[at..].contains(':')
    });
    digits == 4 && stands_for_t && spaces.next().is_none()
}

times! {
    DateTime<Utc>, is_date_time, "a date and time with offset (RFC 3339)", "date-time";
    DateTime<FixedOffset>, is_date_time, "a date and time with offset (RFC 3339)", "date-time";
    NaiveDate, is_date, "a date (YYYY-MM-DD)", "date";
    NaiveTime, is_time, "a time (HH:MM:SS)", "partial-time";
    NaiveDateTime, is_local_date_time, "a date and time (YYYY-MM-DDTHH:MM:SS)", "partial-date-time";
}
