//! Dates, times and spans of the `jiff` crate, in the forms of that crate.

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Span, Timestamp, Zoned};
use serde_json::{Value, json};

use crate::text::{FromParam, ParamError};

macro_rules! times {
    ($($time:ty, $what:literal, $format:literal;)*) => {$(
        impl FromParam for $time {
            fn from_param(text: &str) -> Result<Self, ParamError> {
                text.parse().map_err(|_| ParamError::expected($what))
            }

            fn schema() -> Value {
                json!({ "type": "string", "format": $format })
            }
        }
    )*};
}

times! {
    Timestamp, "a date and time with offset (RFC 3339)", "date-time";
    Date, "a date (YYYY-MM-DD)", "date";
    Time, "a time (HH:MM:SS)", "partial-time";
    DateTime, "a date and time (YYYY-MM-DDTHH:MM:SS)", "partial-date-time";
    Zoned, "a date and time with time zone (RFC 9557)", "zoned-date-time";
    Span, "a duration (ISO 8601)", "duration";
    SignedDuration, "a duration (ISO 8601)", "duration";
}
