//! A field of a partial update: not sent, sent as `null`, or sent with a value.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

use crate::inspect::{Input, Inspect, Survey, Take};
use crate::items::{Items, UniqueItems};
use crate::length::Text;
use crate::number::Number;
use crate::param::Each;
use crate::report::Report;
use crate::rule::Rule;
use crate::violation::Source;

/// A field of a partial update, as `PATCH` takes it: not sent, sent as `null`, or sent with a value.
///
/// As the type of a field of a model, written `Patch<T>`, it needs no default: a field that was not sent is
/// [`Patch::Absent`], and is left out when the model is written. Rules hold for the value. In a query or a form an
/// empty text is [`Patch::Null`], unless `T` is text.
///
/// A plain serde type must write `#[serde(default, skip_serializing_if = "Patch::is_absent")]` on the field; without
/// `default`, a field that was not sent is refused as missing.
///
/// ```
/// use hybrid_validate::Patch;
///
/// let mut nickname = Some("Ada".to_owned());
/// Patch::Absent.apply(&mut nickname);
/// assert_eq!(nickname.as_deref(), Some("Ada"));
/// Patch::Null.apply(&mut nickname);
/// assert_eq!(nickname, None);
/// Patch::Value("Grace".to_owned()).apply(&mut nickname);
/// assert_eq!(nickname.as_deref(), Some("Grace"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Patch<T> {
    /// The field was not sent: leave what is there.
    #[default]
    Absent,
    /// The field was sent as `null`: take away what is there.
    Null,
    /// The field was sent with a value: put it there.
    Value(T),
}

impl<T> Patch<T> {
    /// Whether the field was not sent.
    #[must_use]
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Whether the field was sent as `null`.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The value that was sent; `None` for `null` and for a field that was not sent.
    #[must_use]
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// `None` for a field that was not sent, `Some(None)` for `null`.
    #[must_use]
    pub fn into_option(self) -> Option<Option<T>> {
        match self {
            Self::Absent => None,
            Self::Null => Some(None),
            Self::Value(value) => Some(Some(value)),
        }
    }

    /// Changes `target` as the field says.
    pub fn apply(self, target: &mut Option<T>) {
        if let Some(value) = self.into_option() {
            *target = value;
        }
    }
}

// === In a model ===

impl<T: Inspect> Inspect for Patch<T> {
    const KEEPS_EMPTY: bool = T::KEEPS_EMPTY;
    const IS_LEAF: bool = T::IS_LEAF;

    fn inspect(input: Input<'_>, report: &mut Report) -> Option<Self> {
        <Option<T> as Inspect>::inspect(input, report)
            .map(|value| value.map_or(Self::Null, Self::Value))
    }

    fn parts(input: Input<'_>, source: Source, take: &mut Take<'_, Self>) {
        <Option<T> as Inspect>::parts(input, source, &mut |place, value| {
            take(place, value.map_or(Self::Null, Self::Value));
        });
    }

    fn absent() -> Option<Self> {
        Some(Self::Absent)
    }

    fn survey(survey: &mut Survey) {
        T::survey(survey);
    }

    fn check_deep(&self, report: &mut Report) {
        if let Self::Value(value) = self {
            value.check_deep(report);
        }
    }
}

impl<T: Number> Number for Patch<T> {
    fn judge_number(&self, rule: &Rule, report: &mut Report) {
        self.value()
            .into_iter()
            .for_each(|value| value.judge_number(rule, report));
    }
}

impl<T: Text> Text for Patch<T> {
    fn judge_text(&self, rule: &Rule, longest: usize, report: &mut Report) {
        self.value()
            .into_iter()
            .for_each(|value| value.judge_text(rule, longest, report));
    }
}

impl<T: Items> Items for Patch<T> {
    fn item_count(&self) -> Option<usize> {
        self.value().and_then(Items::item_count)
    }
}

impl<T: UniqueItems> UniqueItems for Patch<T> {
    fn repeats_an_item(&self) -> bool {
        self.value().is_some_and(UniqueItems::repeats_an_item)
    }
}

impl<T> Each for Patch<T> {
    type Item = T;

    fn each(&self, report: &mut Report, check: &mut dyn FnMut(&T, &mut Report)) {
        if let Self::Value(value) = self {
            check(value, report);
        }
    }
}

/// As for `Option<T>`: the value or `null`.
impl<T: JsonSchema> JsonSchema for Patch<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Option::<T>::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        Option::<T>::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<T>::json_schema(generator)
    }
}

// === In serde ===

/// The name under which a deserializer sees it. One that has no value to give says so by
/// [`Visitor::visit_none`], before the value is asked for.
pub(crate) const NAME: &str = "$hybrid::Patch";

/// Not as an `Option`: of those, serde takes one that was not sent for `null`.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(NAME, Sent(std::marker::PhantomData))
    }
}

struct Sent<T>(std::marker::PhantomData<fn() -> T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Sent<T> {
    type Value = Patch<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or null")
    }

    fn visit_none<E>(self) -> Result<Patch<T>, E> {
        Ok(Patch::Absent)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Patch<T>, D::Error> {
        Option::<T>::deserialize(inner).map(|value| value.map_or(Patch::Null, Patch::Value))
    }
}

/// `null` for a field that was not sent too, where the type around it does not leave it out.
impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}
