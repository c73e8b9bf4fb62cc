//! Number literals of Rust.

use crate::number::Num;

const SUFFIXES: [&str; 14] = [
    "i128", "u128", "isize", "usize", "i16", "i32", "i64", "u16", "u32", "u64", "f32", "f64", "i8",
    "u8",
];

/// The value of a Rust literal, with an optional minus before it: `10_000`, `-1`, `0xff`, `1e3`, `0.5_f64`, `7u8`.
///
/// # Errors
/// The fault, as a fragment of a sentence.
/// ```
/// use hybrid_validate::{Num, literal};
///
/// assert_eq!(literal::parse_number("-10_000i64"), Ok(Num::Int(-10_000)));
/// assert_eq!(literal::parse_number("0xff"), Ok(Num::Int(255)));
/// assert!(literal::parse_number("ten").is_err());
/// ```
pub fn parse_number(literal: &str) -> Result<Num, String> {
    let (negative, digits) = match literal.trim().strip_prefix('-') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, literal.trim()),
    };
    let plain = digits.replace('_', "");
    let (radix, rest) = match plain.get(..2) {
        Some("0x") => (16, &plain[2..]),
        Some("0o") => (8, &plain[2..]),
        Some("0b") => (2, &plain[2..]),
        _ => (10, plain.as_str()),
    };
    let (body, suffix) = split_suffix(rest, radix);
    if radix == 10 && (body.contains(['.', 'e', 'E']) || suffix.starts_with('f')) {
        return float(body, negative);
    }
    integer(body, radix, negative)
}

fn split_suffix(text: &str, radix: u32) -> (&str, &str) {
    SUFFIXES
        .iter()
        // In hexadecimal, `f32` is three digits.
        .filter(|suffix| radix != 16 || !suffix.starts_with('f'))
        .find_map(|suffix| text.strip_suffix(suffix).map(|body| (body, *suffix)))
        .unwrap_or((text, ""))
}

fn integer(digits: &str, radix: u32, negative: bool) -> Result<Num, String> {
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err("expected a number".to_owned());
    }
    let too_large = || "the number does not fit into 128 bits".to_owned();
    let value = u128::from_str_radix(digits, radix).map_err(|_| too_large())?;
    if negative {
        0_i128
            .checked_sub_unsigned(value)
            .map(Num::Int)
            .ok_or_else(too_large)
    } else {
        Ok(Num::from_u128(value))
    }
}

fn float(digits: &str, negative: bool) -> Result<Num, String> {
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return Err("expected a number".to_owned());
    }
    let value = digits
        .parse::<f64>()
        .map_err(|_| "expected a number".to_owned())?;
    if value.is_infinite() {
        return Err("the number does not fit into a float".to_owned());
    }
    Ok(Num::Float(if negative { -value } else { value }))
}
