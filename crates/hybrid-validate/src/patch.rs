//! A field of a partial update: not sent, sent as `null`, or sent with a value.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

use crate::constraint::{Items, Number, Text, UniqueItems};
use crate::param::Each;
use crate::report::Report;
use crate::rule::Rule;

/// A field of a partial update, as `PATCH` takes it: not sent, sent as `null`, or sent with a value.
///
/// A field of a model with the type `Patch<T>` needs no default. If the client does not send it, it is
/// [`Patch::Absent`], and it is left out when the model is serialised. Rules apply to the value. In a query or a form
/// an empty text is [`Patch::Null`], unless `T` is a text type.
///
/// A plain serde type must write `#[serde(default, skip_serializing_if = "Patch::is_absent")]` on the field. Without
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
    /// The field was not sent: keep the old value.
    #[default]
    Absent,
    /// The field was sent as `null`: remove the old value.
    Null,
    /// The field was sent with a value: replace the old value.
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

    /// The sent value. `None` for `null` and for a field that was not sent.
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

    /// Applies the field to `target`.
    pub fn apply(self, target: &mut Option<T>) {
        if let Some(value) = self.into_option() {
            *target = value;
        }
    }
}

// === What rules ask ===

impl<T: Number> Number for Patch<T> {
    fn check_number(&self, rule: &Rule, report: &mut Report) {
        self.value()
            .into_iter()
            .for_each(|value| value.check_number(rule, report));
    }
}

impl<T: Text> Text for Patch<T> {
    fn check_text(&self, rule: &Rule, longest: usize, report: &mut Report) {
        self.value()
            .into_iter()
            .for_each(|value| value.check_text(rule, longest, report));
    }
}

impl<T: Items> Items for Patch<T> {
    fn item_count(&self) -> Option<usize> {
        self.value().and_then(Items::item_count)
    }
}

impl<T: UniqueItems> UniqueItems for Patch<T> {
    fn has_duplicates(&self) -> bool {
        self.value().is_some_and(UniqueItems::has_duplicates)
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

/// The name that a deserializer sees. A deserializer without a value calls [`Visitor::visit_none`] before the value is
/// requested.
pub(crate) const NAME: &str = "$hybrid::Patch";

/// Not read as an `Option`, since serde reads a missing `Option` as `null`.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(NAME, PatchVisitor(std::marker::PhantomData))
    }
}

struct PatchVisitor<T>(std::marker::PhantomData<fn() -> T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for PatchVisitor<T> {
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

/// A field that was not sent is also `null`, unless the type around it leaves it out.
impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}
