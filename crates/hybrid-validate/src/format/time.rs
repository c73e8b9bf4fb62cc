//! Dates and times by RFC 3339, section 5.6, with the days of each month and with leap seconds.

pub(crate) fn is_date(text: &str) -> bool {
    text.len() == 10 && date(text.as_bytes()).is_some()
}

pub(crate) fn is_date_time(text: &str) -> bool {
    date_time(text.as_bytes()).is_some()
}

/// `partial-time`: no offset.
#[cfg(feature = "chrono")]
pub(crate) fn is_time(text: &str) -> bool {
    partial_time(text.as_bytes()).is_some_and(|(_, rest)| rest.is_empty())
}

/// A date and a time without offset, with a `T` between them.
#[cfg(feature = "chrono")]
pub(crate) fn is_local_date_time(text: &str) -> bool {
    text.split_once('T')
        .is_some_and(|(date, time)| is_date(date) && is_time(time))
}

fn date(bytes: &[u8]) -> Option<()> {
    let year = number(bytes.get(0..4)?)?;
    let month = number(bytes.get(5..7)?)?;
    let day = number(bytes.get(8..10)?)?;
    let fits = bytes[4] == b'-' && bytes[7] == b'-' && (1..=days(year, month)).contains(&day);
    fits.then_some(())
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 0,
    }
}

fn date_time(bytes: &[u8]) -> Option<()> {
    date(bytes)?;
    let mark = *bytes.get(10)?;
    let ((hour, minute, second), rest) = partial_time(&bytes[11..])?;
    let offset_minutes = offset(rest)?;
    if !matches!(mark, b'T' | b't') {
        return None;
    }
    // A leap second is the last second of a day in UTC, whatever the offset.
    let utc_minutes = (i64::from(hour * 60 + minute) - offset_minutes).rem_euclid(24 * 60);
    (second < 60 || utc_minutes == 23 * 60 + 59).then_some(())
}

type Time = (u32, u32, u32);

/// Hour, minute and second, and what follows their fraction.
fn partial_time(bytes: &[u8]) -> Option<(Time, &[u8])> {
    let hour = number(bytes.get(0..2)?)?;
    let minute = number(bytes.get(3..5)?)?;
    let second = number(bytes.get(6..8)?)?;
    let marks = bytes[2] == b':' && bytes[5] == b':';
    let fits = marks && hour <= 23 && minute <= 59 && second <= 60;
    let rest = fraction(&bytes[8..])?;
    fits.then_some(((hour, minute, second), rest))
}

/// What follows the fraction of a second, if there is one.
fn fraction(bytes: &[u8]) -> Option<&[u8]> {
    let [b'.', rest @ ..] = bytes else {
        return Some(bytes);
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (digits > 0).then(|| &rest[digits..])
}

/// Minutes east of UTC.
fn offset(bytes: &[u8]) -> Option<i64> {
    match bytes {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), hours @ .., b':', m1, m2] if hours.len() == 2 => {
            let (hours, minutes) = (number(hours)?, number(&[*m1, *m2])?);
            let east = i64::from(hours * 60 + minutes);
            (hours <= 23 && minutes <= 59).then_some(if *sign == b'+' { east } else { -east })
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, digit| {
        digit
            .is_ascii_digit()
            .then(|| sum * 10 + u32::from(digit - b'0'))
    })
}
