//! Numbers from text: decimal digits with an optional sign, and nothing around them.

use std::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize, NonZeroU8,
    NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128, NonZeroUsize,
};

use serde_json::{Value, json};

use super::{FromParam, ParamError};
use crate::number::Num;

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl FromParam for $int {
            #[inline]
            fn from_param(text: &str) -> Result<Self, ParamError> {
                match text.parse() {
                    Ok(value) => Ok(value),
                    // The standard library refuses `-0` for unsigned integers.
                    Err(_) if text == "-0" => Ok(0),
                    Err(_) => Err(not_an_integer(text, &<$int>::MIN, &<$int>::MAX)),
                }
            }

            fn schema() -> Value {
                integer_schema(Num::from(<$int>::MIN), Num::from(<$int>::MAX), <$int>::BITS)
            }
        }
    )*};
}

integers!(
    i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize
);

macro_rules! non_zero_unsigned {
    ($($int:ty),*) => {$(
        impl FromParam for $int {
            fn from_param(text: &str) -> Result<Self, ParamError> {
                text.parse().map_err(|_| not_an_integer(text, &<$int>::MIN, &<$int>::MAX))
            }

            fn schema() -> Value {
                integer_schema(Num::Int(1), Num::from(<$int>::MAX.get()), <$int>::BITS)
            }
        }
    )*};
}

non_zero_unsigned!(
    NonZeroU8,
    NonZeroU16,
    NonZeroU32,
    NonZeroU64,
    NonZeroU128,
    NonZeroUsize
);

macro_rules! non_zero_signed {
    ($($int:ty => $plain:ty),*) => {$(
        impl FromParam for $int {
            fn from_param(text: &str) -> Result<Self, ParamError> {
                let value = <$plain as FromParam>::from_param(text)?;
                Self::new(value).ok_or_else(|| ParamError::expected("an integer other than 0"))
            }

            fn schema() -> Value {
                let mut schema = <$plain as FromParam>::schema();
                schema["not"] = json!({ "const": 0 });
                schema
            }
        }
    )*};
}

non_zero_signed!(
    NonZeroI8 => i8, NonZeroI16 => i16, NonZeroI32 => i32, NonZeroI64 => i64, NonZeroI128 => i128,
    NonZeroIsize => isize
);

macro_rules! floats {
    ($($float:ty),*) => {$(
        impl FromParam for $float {
            fn from_param(text: &str) -> Result<Self, ParamError> {
                match text.parse::<$float>() {
                    Ok(value) if value.is_finite() => Ok(value),
                    // `inf`, `nan`, and digits beyond the range of the type.
                    Ok(_) => Err(ParamError::expected("a finite number")),
                    Err(_) => Err(ParamError::expected("a number")),
                }
            }

            fn schema() -> Value {
                json!({ "type": "number" })
            }
        }
    )*};
}

floats!(f32, f64);

#[cold]
fn not_an_integer(
    text: &str,
    min: &dyn std::fmt::Display,
    max: &dyn std::fmt::Display,
) -> ParamError {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return ParamError::expected("an integer");
    }
    ParamError::expected(format!("an integer between {min} and {max}"))
}

/// `int32` and `int64` are formats that API descriptions define. The bounds express the other types. 128-bit types have
/// no bounds in the schema: as JSON numbers they would be rounded.
fn integer_schema(min: Num, max: Num, bits: u32) -> Value {
    let mut schema = json!({ "type": "integer" });
    if bits <= 64 {
        schema["minimum"] = min.into();
        schema["maximum"] = max.into();
    } else if min >= Num::Int(0) {
        schema["minimum"] = min.into();
    }
    match (bits, min < Num::Int(0)) {
        (32, true) => schema["format"] = json!("int32"),
        (64, true) => schema["format"] = json!("int64"),
        _ => {}
    }
    schema
}
