//! Dates and times of the `chrono` crate, in the forms that it reads itself.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc};
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
    DateTime<Utc>, "a date and time with offset (RFC 3339)", "date-time";
    DateTime<FixedOffset>, "a date and time with offset (RFC 3339)", "date-time";
    NaiveDate, "a date (YYYY-MM-DD)", "date";
    NaiveTime, "a time (HH:MM:SS)", "partial-time";
    NaiveDateTime, "a date and time (YYYY-MM-DDTHH:MM:SS)", "partial-date-time";
}
