//! A number as decimal digits and an exponent, for multiples of decimal steps.

use std::fmt::Write;

use super::Num;

/// `digits × 10^exponent`, without its sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: u128,
    exponent: i32,
}

impl Decimal {
    /// The shortest decimal that reads back as the same number; `None` for NaN and infinities.
    pub(super) fn of(num: &Num) -> Option<Self> {
        match *num {
            Num::Int(value) => Some(Self {
                digits: value.unsigned_abs(),
                exponent: 0,
            }),
            Num::Uint(value) => Some(Self {
                digits: value,
                exponent: 0,
            }),
            Num::Float(value) if value.is_finite() => Some(Self::of_float(value)),
            Num::Float(_) => None,
        }
    }

    /// Exact: no step rounds.
    pub(super) fn is_multiple_of(&self, step: &Self) -> bool {
        if step.digits == 0 || self.digits == 0 {
            return step.digits != 0;
        }
        if self.exponent >= step.exponent {
            let shift = self.exponent.abs_diff(step.exponent);
            let scale = power_of_ten_modulo(shift, step.digits);
            return multiply_modulo(self.digits % step.digits, scale, step.digits) == 0;
        }
        // If the scaled step exceeds u128, it is larger than the digits, which are not zero.
        let shift = step.exponent.abs_diff(self.exponent);
        10_u128
            .checked_pow(shift)
            .and_then(|scale| step.digits.checked_mul(scale))
            .is_some_and(|step| self.digits.is_multiple_of(step))
    }

    fn of_float(value: f64) -> Self {
        // `{:e}` prints the shortest digits that read back: at most 17 digits, then an exponent such as `e-324`.
        let mut text = String::with_capacity(32);
        let written = write!(text, "{:e}", value.abs());
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = whole.bytes().chain(fraction.bytes());
        Self {
            digits: digits.fold(0, |sum, digit| sum * 10 + u128::from(digit - b'0')),
            exponent: exponent.parse::<i32>().unwrap_or(0) - fraction.len() as i32,
        }
    }
}

fn power_of_ten_modulo(exponent: u32, modulus: u128) -> u128 {
    let (mut base, mut left, mut result) = (10 % modulus, exponent, 1 % modulus);
    while left > 0 {
        if left & 1 == 1 {
            result = multiply_modulo(result, base, modulus);
        }
        base = multiply_modulo(base, base, modulus);
        left >>= 1;
    }
    result
}

/// `a × b mod modulus` for `a` and `b` below the modulus. It adds and doubles, so no product can overflow.
fn multiply_modulo(a: u128, b: u128, modulus: u128) -> u128 {
    if let Some(product) = a.checked_mul(b) {
        return product % modulus;
    }
    let (mut a, mut b, mut sum) = (a, b, 0);
    while b > 0 {
        if b & 1 == 1 {
            sum = add_modulo(sum, a, modulus);
        }
        a = add_modulo(a, a, modulus);
        b >>= 1;
    }
    sum
}

const fn add_modulo(a: u128, b: u128, modulus: u128) -> u128 {
    if a >= modulus - b {
        a - (modulus - b)
    } else {
        a + b
    }
}
