//! The number that a rule is compared with.

use std::cmp::Ordering;
use std::fmt;

use super::decimal::Decimal;

/// An exact number: an integer of up to 128 bits, or a float.
///
/// ```
/// use hybrid_validate::Num;
/// use std::cmp::Ordering;
///
/// // 2^53 + 1 is no f64: through floats it would be equal to 2^53.
/// assert_eq!(Num::Int(9_007_199_254_740_993).compare(&Num::Float(9_007_199_254_740_992.0)), Some(Ordering::Greater));
/// assert_eq!(Num::Int(0).compare(&Num::Float(f64::NAN)), None);
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Num {
    /// An integer in the range of `i128`.
    Int(i128),
    /// An integer above `i128::MAX`; smaller ones are [`Num::Int`].
    Uint(u128),
    /// A float. NaN compares with nothing, so it breaks every bound.
    Float(f64),
}

impl Num {
    /// The integer `value`, in the variant that fits.
    #[must_use]
    pub const fn from_u128(value: u128) -> Self {
        if value > i128::MAX as u128 {
            Self::Uint(value)
        } else {
            Self::Int(value as i128)
        }
    }

    /// Compares two numbers exactly. `None` if one is NaN.
    #[inline]
    #[must_use]
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (*self, *other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(&b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(&b),
            _ => self.compare_kinds(other),
        }
    }

    /// Whether `self` is a multiple of `step`.
    ///
    /// A float counts as the shortest decimal that reads back as the same float. So `0.3` is a multiple of `0.1`,
    /// though `0.3 % 0.1` is `0.09999999999999998`. The sign of the step does not matter. Zero, NaN and infinities have
    /// no multiples, and NaN and infinities are multiples of no number.
    #[must_use]
    pub fn is_multiple_of(&self, step: &Self) -> bool {
        match (self.magnitude(), step.magnitude()) {
            (Some(value), Some(step)) => step != 0 && value % step == 0,
            _ => match (Decimal::of(self), Decimal::of(step)) {
                (Some(value), Some(step)) => value.is_multiple_of(&step),
                _ => false,
            },
        }
    }

    /// Whether the number is above zero.
    #[must_use]
    pub const fn is_positive(&self) -> bool {
        match *self {
            Self::Int(value) => value > 0,
            Self::Uint(_) => true,
            Self::Float(value) => value > 0.0,
        }
    }

    /// Whether the number is an integer or a float that is neither infinite nor NaN.
    #[must_use]
    pub const fn is_finite(&self) -> bool {
        match *self {
            Self::Int(_) | Self::Uint(_) => true,
            Self::Float(value) => value.is_finite(),
        }
    }

    fn compare_kinds(&self, other: &Self) -> Option<Ordering> {
        match (*self, *other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(&b)),
            (Self::Uint(a), Self::Uint(b)) => Some(a.cmp(&b)),
            (Self::Int(_), Self::Uint(_)) => Some(Ordering::Less),
            (Self::Uint(_), Self::Int(_)) => Some(Ordering::Greater),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(&b),
            (Self::Int(a), Self::Float(b)) => int_with_float(a, b),
            (Self::Uint(a), Self::Float(b)) => uint_with_float(a, b),
            (Self::Float(a), Self::Int(b)) => int_with_float(b, a).map(Ordering::reverse),
            (Self::Float(a), Self::Uint(b)) => uint_with_float(b, a).map(Ordering::reverse),
        }
    }

    const fn magnitude(&self) -> Option<u128> {
        match *self {
            Self::Int(value) => Some(value.unsigned_abs()),
            Self::Uint(value) => Some(value),
            Self::Float(_) => None,
        }
    }
}

/// 2^127 as a float, exactly.
const TWO_POW_127: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;

fn int_with_float(a: i128, b: f64) -> Option<Ordering> {
    if b.is_nan() {
        return None;
    }
    if b >= TWO_POW_127 {
        return Some(Ordering::Less);
    }
    if b < -TWO_POW_127 {
        return Some(Ordering::Greater);
    }
    // Between the two powers every truncated float is an i128 exactly.
    let whole = b.trunc();
    Some(
        a.cmp(&(whole as i128))
            .then_with(|| whole.partial_cmp(&b).unwrap_or(Ordering::Equal)),
    )
}

fn uint_with_float(a: u128, b: f64) -> Option<Ordering> {
    if b.is_nan() {
        return None;
    }
    if b >= 2.0 * TWO_POW_127 {
        return Some(Ordering::Less);
    }
    if b < 0.0 {
        return Some(Ordering::Greater);
    }
    let whole = b.trunc();
    Some(
        a.cmp(&(whole as u128))
            .then_with(|| whole.partial_cmp(&b).unwrap_or(Ordering::Equal)),
    )
}

/// Compares by value: `Int(1)` equals `Float(1.0)`. NaN equals no number.
impl PartialEq for Num {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Num {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.compare(other)
    }
}

/// As a person writes it: `2`, `0.5`, `1e300`.
impl fmt::Display for Num {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Uint(value) => write!(f, "{value}"),
            Self::Float(value) if value == 0.0 || (1e-5..1e16).contains(&value.abs()) => {
                write!(f, "{value}")
            }
            Self::Float(value) => write!(f, "{value:?}"),
        }
    }
}

macro_rules! from_integers {
    ($($int:ty),*) => {$(
        impl From<$int> for Num {
            #[inline]
            fn from(value: $int) -> Self {
                Self::Int(i128::from(value))
            }
        }
    )*};
}

from_integers!(i8, i16, i32, i64, i128, u8, u16, u32, u64);

impl From<isize> for Num {
    #[inline]
    fn from(value: isize) -> Self {
        Self::Int(value as i128)
    }
}

impl From<usize> for Num {
    #[inline]
    fn from(value: usize) -> Self {
        Self::Int(value as i128)
    }
}

impl From<u128> for Num {
    #[inline]
    fn from(value: u128) -> Self {
        Self::from_u128(value)
    }
}

impl From<f64> for Num {
    #[inline]
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

/// JSON has one kind of number. Integers beyond 64 bits become the nearest float, since `serde_json::Value` holds no
/// wider ones. The sentence of a rule stays exact. NaN and infinities become `null`.
#[cfg(feature = "runtime")]
impl From<Num> for serde_json::Value {
    fn from(num: Num) -> Self {
        match num {
            Num::Int(value) => match (u64::try_from(value), i64::try_from(value)) {
                (Ok(value), _) => Self::from(value),
                (_, Ok(value)) => Self::from(value),
                _ => Self::from(value as f64),
            },
            Num::Uint(value) => Self::from(value as f64),
            Num::Float(value) => Self::from(value),
        }
    }
}
