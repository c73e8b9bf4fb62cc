//! Durations and sizes in strings: `"150ms"`, `"2MiB"`.

/// Milliseconds of `"150ms"`, `"2s"`, `"1.5s"`, `"1m"`, `"1h"`.
///
/// # Errors
/// What to write instead.
pub(crate) fn millis(text: &str) -> Result<u64, String> {
    let wrong = || format!("\"{text}\" is no duration, write \"150ms\", \"2s\", \"1m\" or \"1h\"");
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    let millis = scale(number, factor).ok_or_else(wrong)?;
    if millis == 0 {
        return Err("a duration of 0 would always be over: write a longer one".to_owned());
    }
    Ok(millis)
}

/// Bytes of `"512B"`, `"2MB"` (2 000 000), `"2MiB"` (2 097 152).
///
/// # Errors
/// What to write instead.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || {
        format!(
            "\"{text}\" is no size, write \"64KiB\", \"2MB\" (2 000 000 bytes) or \"2MiB\" (2 097 152)"
        )
    };
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "b" => 1,
        "kb" => 1_000,
        "kib" => 1 << 10,
        "mb" => 1_000_000,
        "mib" => 1 << 20,
        "gb" => 1_000_000_000,
        "gib" => 1 << 30,
        _ => return Err(wrong()),
    };
    scale(number, factor).ok_or_else(wrong)
}

/// The number and the unit after it.
fn split(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_')?;
    Some((&text[..at], text[at..].trim_start()))
}

/// `number × factor`, exactly. The product must be an integer.
fn scale(number: &str, factor: u64) -> Option<u64> {
    let number = number.replace('_', "");
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let mut total: u64 = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    let mut part = factor;
    for digit in fraction.chars() {
        if !part.is_multiple_of(10) {
            return None;
        }
        part /= 10;
        total = total.checked_add(part * u64::from(digit.to_digit(10)?))?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::{bytes, millis};

    #[test]
    fn durations_are_exact() {
        assert_eq!(millis("150ms"), Ok(150));
        assert_eq!(millis("2s"), Ok(2_000));
        assert_eq!(millis("1.5s"), Ok(1_500));
        assert_eq!(millis("1m"), Ok(60_000));
        assert_eq!(millis("1h"), Ok(3_600_000));
        for wrong in [
            "2 parsecs",
            "2",
            "s",
            "",
            "-1s",
            "0s",
            "1.0001s",
            "99999999999999999999h",
        ] {
            assert!(millis(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_tell_mb_from_mib() {
        assert_eq!(bytes("512B"), Ok(512));
        assert_eq!(bytes("2MB"), Ok(2_000_000));
        assert_eq!(bytes("2MiB"), Ok(2_097_152));
        assert_eq!(bytes("1.5 kB"), Ok(1_500));
        for wrong in ["2", "MB", "2 furlongs", "2Mb/s", "1.0001KiB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
