//! A rule: the bound for a value, the sentence for it, and the JSON Schema keyword for it.

use std::cmp::Ordering;
use std::fmt;

use crate::format::Format;
use crate::number::Num;
use crate::pattern::Pattern;

/// One rule. It checks ([`Rule::admits_number`] and so on), describes itself (`Display`), and gives its JSON Schema
/// keyword (`Rule::keyword`).
///
/// ```
/// use hybrid_validate::{Num, Rule};
///
/// let rule = Rule::Ge(Num::Int(2));
/// assert!(rule.admits_number(&Num::Int(2)));
/// assert_eq!(rule.to_string(), "must be at least 2");
/// # #[cfg(feature = "runtime")]
/// assert_eq!(rule.keyword(), ("minimum", serde_json::json!(2)));
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// At least.
    Ge(Num),
    /// Greater than.
    Gt(Num),
    /// At most.
    Le(Num),
    /// Less than.
    Lt(Num),
    /// A multiple of the number. [`Num::is_multiple_of`] says what that means for floats.
    MultipleOf(Num),
    /// At least this number of characters (Unicode scalar values).
    MinLength(usize),
    /// At most this number of characters (Unicode scalar values).
    MaxLength(usize),
    /// The text matches the expression.
    Regex(&'static Pattern),
    /// The text has this form.
    Format(Format),
    /// At least this number of items or entries.
    MinItems(usize),
    /// At most this number of items or entries.
    MaxItems(usize),
    /// No item is repeated.
    UniqueItems,
    /// The text is one of these.
    OneOfText(&'static [&'static str]),
    /// The number is one of these.
    OneOfNumbers(&'static [Num]),
}

impl Rule {
    /// The word in the attribute: the code of its violation and the key of its parameter.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ge(_) => "ge",
            Self::Gt(_) => "gt",
            Self::Le(_) => "le",
            Self::Lt(_) => "lt",
            Self::MultipleOf(_) => "multiple_of",
            Self::MinLength(_) => "min_length",
            Self::MaxLength(_) => "max_length",
            Self::Regex(_) => "regex",
            Self::Format(_) => "format",
            Self::MinItems(_) => "min_items",
            Self::MaxItems(_) => "max_items",
            Self::UniqueItems => "unique_items",
            Self::OneOfText(_) | Self::OneOfNumbers(_) => "one_of",
        }
    }

    /// Whether a number keeps the rule. A rule about other values is always kept. NaN breaks every bound.
    #[inline]
    #[must_use]
    pub fn admits_number(&self, value: &Num) -> bool {
        match self {
            Self::Ge(bound) => value.compare(bound).is_some_and(Ordering::is_ge),
            Self::Gt(bound) => value.compare(bound).is_some_and(Ordering::is_gt),
            Self::Le(bound) => value.compare(bound).is_some_and(Ordering::is_le),
            Self::Lt(bound) => value.compare(bound).is_some_and(Ordering::is_lt),
            _ => self.admits_listed_number(value),
        }
    }

    /// Like [`Rule::admits_number`], for an integer compared with integers, the most frequent case.
    #[inline]
    #[must_use]
    pub fn admits_integer(&self, value: i128) -> bool {
        match *self {
            Self::Ge(Num::Int(bound)) => value >= bound,
            Self::Gt(Num::Int(bound)) => value > bound,
            Self::Le(Num::Int(bound)) => value <= bound,
            Self::Lt(Num::Int(bound)) => value < bound,
            _ => self.admits_number_of_any_kind(Num::Int(value)),
        }
    }

    /// Whether an `f32` keeps the rule. A float bound is rounded to `f32` first. A multiple is checked with the decimal
    /// that the `f32` prints as.
    #[must_use]
    pub fn admits_single(&self, value: f32) -> bool {
        let exact = Num::Float(f64::from(value));
        match *self {
            Self::Ge(bound) => Self::Ge(single(bound)).admits_number(&exact),
            Self::Gt(bound) => Self::Gt(single(bound)).admits_number(&exact),
            Self::Le(bound) => Self::Le(single(bound)).admits_number(&exact),
            Self::Lt(bound) => Self::Lt(single(bound)).admits_number(&exact),
            Self::OneOfNumbers(allowed) => allowed.iter().any(|one| single(*one) == exact),
            // An f32 and the f64 of the same value have different shortest decimals.
            Self::MultipleOf(_) => {
                let written = value.to_string().parse().unwrap_or(f64::NAN);
                self.admits_number(&Num::Float(written))
            }
            _ => true,
        }
    }

    /// Whether a text keeps the rule. A rule about other values is always kept. Without the `runtime` feature there is
    /// no regex engine, so a [`Rule::Regex`] is always kept.
    #[must_use]
    pub fn admits_text(&self, text: &str) -> bool {
        match self {
            Self::MinLength(min) => at_least(text, *min),
            Self::MaxLength(max) => at_most(text, *max),
            #[cfg(feature = "runtime")]
            Self::Regex(pattern) => pattern.is_match(text),
            Self::Format(format) => format.check(text),
            Self::OneOfText(allowed) => allowed.contains(&text),
            _ => true,
        }
    }

    /// Whether a list of `count` items keeps the rule. A rule about other values is always kept.
    #[must_use]
    pub const fn admits_count(&self, count: usize) -> bool {
        match self {
            Self::MinItems(min) => count >= *min,
            Self::MaxItems(max) => count <= *max,
            _ => true,
        }
    }

    #[inline(never)]
    fn admits_number_of_any_kind(&self, value: Num) -> bool {
        self.admits_number(&value)
    }

    fn admits_listed_number(&self, value: &Num) -> bool {
        match self {
            Self::MultipleOf(step) => value.is_multiple_of(step),
            Self::OneOfNumbers(allowed) => allowed.iter().any(|one| one == value),
            _ => true,
        }
    }
}

#[cfg(feature = "runtime")]
impl Rule {
    /// The JSON Schema (draft 2020-12) keyword and its value. `min_items` and `max_items` have the keywords for arrays.
    /// [`Param::schema`](crate::Param::schema) writes those for objects if the shape is an object.
    #[must_use]
    pub fn keyword(&self) -> (&'static str, serde_json::Value) {
        let keyword = match self {
            Self::Ge(_) => "minimum",
            Self::Gt(_) => "exclusiveMinimum",
            Self::Le(_) => "maximum",
            Self::Lt(_) => "exclusiveMaximum",
            Self::MultipleOf(_) => "multipleOf",
            Self::MinLength(_) => "minLength",
            Self::MaxLength(_) => "maxLength",
            Self::Regex(_) => "pattern",
            Self::Format(_) => "format",
            Self::MinItems(_) => "minItems",
            Self::MaxItems(_) => "maxItems",
            Self::UniqueItems => "uniqueItems",
            Self::OneOfText(_) | Self::OneOfNumbers(_) => "enum",
        };
        (keyword, self.value())
    }

    /// `{name: value}`, the parameters of a violation.
    #[must_use]
    pub fn params(&self) -> serde_json::Map<String, serde_json::Value> {
        let mut params = serde_json::Map::new();
        params.insert(self.name().to_owned(), self.value());
        params
    }

    fn value(&self) -> serde_json::Value {
        match self {
            Self::Ge(num) | Self::Gt(num) | Self::Le(num) | Self::Lt(num) => (*num).into(),
            Self::MultipleOf(step) => (*step).into(),
            Self::MinLength(n) | Self::MaxLength(n) | Self::MinItems(n) | Self::MaxItems(n) => {
                (*n).into()
            }
            Self::Regex(pattern) => pattern.as_str().into(),
            Self::Format(format) => format.as_str().into(),
            Self::UniqueItems => true.into(),
            Self::OneOfText(allowed) => allowed.iter().copied().collect(),
            Self::OneOfNumbers(allowed) => allowed.iter().copied().collect(),
        }
    }
}

/// The message of its violation: lower case, no full stop.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ge(bound) => write!(f, "must be at least {bound}"),
            Self::Gt(bound) => write!(f, "must be greater than {bound}"),
            Self::Le(bound) => write!(f, "must be at most {bound}"),
            Self::Lt(bound) => write!(f, "must be less than {bound}"),
            Self::MultipleOf(step) => write!(f, "must be a multiple of {step}"),
            Self::MinLength(n) => write!(f, "must have at least {}", Counted(*n, "character")),
            Self::MaxLength(n) => write!(f, "must have at most {}", Counted(*n, "character")),
            Self::Regex(pattern) => write!(f, "must match {pattern}"),
            Self::Format(format) => write!(f, "must be {}", format.phrase()),
            Self::MinItems(n) => write!(f, "must have at least {}", Counted(*n, "item")),
            Self::MaxItems(n) => write!(f, "must have at most {}", Counted(*n, "item")),
            Self::UniqueItems => f.write_str("must not have the same item twice"),
            Self::OneOfText(allowed) => write_one_of(f, allowed),
            Self::OneOfNumbers(allowed) => write_one_of(f, allowed),
        }
    }
}

/// Whether `text` has at least `min` characters. It does not count if the number of bytes decides.
fn at_least(text: &str, min: usize) -> bool {
    // A character takes one to four bytes.
    text.len() >= min && (text.len().div_ceil(4) >= min || text.chars().count() >= min)
}

/// Whether `text` has at most `max` characters. It does not count if the number of bytes decides.
pub(crate) fn at_most(text: &str, max: usize) -> bool {
    text.len() <= max || (text.len().div_ceil(4) <= max && text.chars().count() <= max)
}

fn single(bound: Num) -> Num {
    match bound {
        Num::Float(value) => Num::Float(f64::from(value as f32)),
        Num::Int(_) | Num::Uint(_) => bound,
    }
}

struct Counted(usize, &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, noun) = self;
        write!(f, "{count} {noun}{}", if *count == 1 { "" } else { "s" })
    }
}

/// `must be a`, `must be one of a, b, c`.
pub(crate) fn write_one_of<T: fmt::Display>(f: &mut impl fmt::Write, allowed: &[T]) -> fmt::Result {
    f.write_str(if allowed.len() == 1 {
        "must be "
    } else {
        "must be one of "
    })?;
    for (index, one) in allowed.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{one}")?;
    }
    Ok(())
}
