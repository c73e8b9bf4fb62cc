//! Dates and times of the `chrono` crate, in one form each: it reads `17-5-5` and `2017 - 05 - 05` too.

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

times! {
    DateTime<Utc>, is_date_time, "a date and time with offset (RFC 3339)", "date-time";
    DateTime<FixedOffset>, is_date_time, "a date and time with offset (RFC 3339)", "date-time";
    NaiveDate, is_date, "a date (YYYY-MM-DD)", "date";
    NaiveTime, is_time, "a time (HH:MM:SS)", "partial-time";
    NaiveDateTime, is_local_date_time, "a date and time (YYYY-MM-DDTHH:MM:SS)", "partial-date-time";
}
