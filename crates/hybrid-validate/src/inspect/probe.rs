//! Finds out which traits a type has, where its bounds are not known.
//!
//! Method lookup prefers a method that needs fewer references. So `(&&&Probe::<T>::NEW).inspector()` picks the first
//! trait below that `T` satisfies: by inspection, by serde, or none (then the compiler has already reported the missing
//! trait). Inside a generic type, the bounds that are written there decide.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use validator::Validate;

use super::{Input, Inspect, Survey, Take, serde_types};
use crate::{Report, Source, bridge};

/// A type, as a value to call methods on.
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T> Probe<T> {
    /// The only value.
    pub const NEW: Self = Self(PhantomData);
}

impl<T> fmt::Debug for Probe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Probe")
    }
}

/// The functions that build a type from an input.
pub struct Inspector<T> {
    /// From an input.
    pub inspect: fn(Input<'_>, &mut Report) -> Option<T>,
    /// From a missing input.
    pub absent: fn() -> Option<T>,
    /// Element by element.
    pub parts: fn(Input<'_>, Source, &mut Take<'_, T>),
    /// Whether it contains no model.
    pub is_leaf: bool,
}

impl<T> Inspector<T> {
    /// By a generated function. A missing value has no replacement.
    #[must_use]
    pub const fn new(inspect: fn(Input<'_>, &mut Report) -> Option<T>) -> Self {
        Self {
            inspect,
            absent: || None,
            parts: |_, _, _| (),
            is_leaf: false,
        }
    }
}

impl<T> Clone for Inspector<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Inspector<T> {}

impl<T> fmt::Debug for Inspector<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inspector")
    }
}

/// `Inspector<T>` by what `T` can do. Called by `#[model]`.
#[doc(hidden)]
#[macro_export]
macro_rules! __inspector {
    ($ty:ty) => {{
        use $crate::__private::{
            InspectorOfModel as _, InspectorOfNone as _, InspectorOfSerde as _,
        };
        (&&&$crate::__private::Probe::<$ty>::NEW).inspector()
    }};
}

/// `DeepCheck<T>` by what `T` can do. Called by `#[model]`.
#[doc(hidden)]
#[macro_export]
macro_rules! __deep_check {
    ($ty:ty) => {{
        use $crate::__private::{
            DeepCheckOfContainer as _, DeepCheckOfModel as _, DeepCheckOfNone as _,
            DeepCheckOfValidator as _,
        };
        (&&&&$crate::__private::Probe::<$ty>::NEW).deep_check()
    }};
}

/// Checks the rules of `T`, if it is a model. Called by `#[model]`.
#[doc(hidden)]
#[macro_export]
macro_rules! __survey {
    ($ty:ty, $survey:expr) => {{
        use $crate::__private::{SurveyOfModel as _, SurveyOfNone as _};
        (&&$crate::__private::Probe::<$ty>::NEW).survey($survey)
    }};
}

/// The schema of `T`, as far as it has one. Called by `#[model]`.
#[doc(hidden)]
#[macro_export]
macro_rules! __shape {
    ($ty:ty, $generator:expr) => {{
        use $crate::__private::{ShapeOfAny as _, ShapeOfSchema as _};
        (&&$crate::__private::Probe::<$ty>::NEW).shape($generator)
    }};
}

/// The JSON of a default of type `T`, if it has one. Called by `#[model]`.
#[doc(hidden)]
#[macro_export]
macro_rules! __shown {
    ($ty:ty) => {{
        use $crate::__private::{ShownOfAny as _, ShownOfSerialize as _};
        (&&$crate::__private::Probe::<$ty>::NEW).shown()
    }};
}

/// Reports the result of a check across fields. Called by `#[model(validate = ..)]`.
#[doc(hidden)]
#[macro_export]
macro_rules! __refuse {
    ($answer:expr, $report:expr) => {{
        use $crate::__private::{RefuseAsWhole as _, RefuseInPlace as _};
        if let ::core::result::Result::Err(__error) = $answer {
            $crate::__private::Refusal(__error).refuse($report);
        }
    }};
}

// === How it is built ===

/// First choice: the type lists its faults.
pub trait InspectorOfModel<T> {
    /// Through [`Inspect`].
    fn inspector(&self) -> Inspector<T>;
}

/// Second choice: serde finds the first fault.
pub trait InspectorOfSerde<T> {
    /// Through serde.
    fn inspector(&self) -> Inspector<T>;
}

/// No choice left. The program does not compile, and serde's derive reports the reason.
pub trait InspectorOfNone<T> {
    /// Never runs.
    fn inspector(&self) -> Inspector<T>;
}

impl<T: Inspect> InspectorOfModel<T> for &&Probe<T> {
    fn inspector(&self) -> Inspector<T> {
        Inspector {
            inspect: T::inspect,
            absent: T::absent,
            parts: T::parts,
            is_leaf: T::IS_LEAF,
        }
    }
}

impl<T: DeserializeOwned> InspectorOfSerde<T> for &Probe<T> {
    fn inspector(&self) -> Inspector<T> {
        Inspector {
            inspect: serde_types::inspect::<T>,
            absent: serde_types::absent::<T>,
            parts: |_, _, _| (),
            is_leaf: false,
        }
    }
}

impl<T> InspectorOfNone<T> for Probe<T> {
    fn inspector(&self) -> Inspector<T> {
        Inspector::new(|_, _| None)
    }
}

// === What is checked inside it ===

/// The function that checks a value and everything inside it.
pub type DeepCheck<T> = fn(&T, &mut Report);

/// First choice: our own rules.
pub trait DeepCheckOfModel<T> {
    /// Through [`Inspect::check_deep`].
    fn deep_check(&self) -> DeepCheck<T>;
}

/// Second choice: `validator`'s.
pub trait DeepCheckOfValidator<T> {
    /// Through `validator::Validate`.
    fn deep_check(&self) -> DeepCheck<T>;
}

/// Third choice: `validator`'s rules in a container that `validator` supports only in its derive.
pub trait DeepCheckOfContainer<T> {
    /// Through `validator::Validate` of what is inside.
    fn deep_check(&self) -> DeepCheck<T>;
}

/// Nothing to check.
pub trait DeepCheckOfNone<T> {
    /// Does nothing.
    fn deep_check(&self) -> DeepCheck<T>;
}

impl<T: Inspect> DeepCheckOfModel<T> for &&&Probe<T> {
    fn deep_check(&self) -> DeepCheck<T> {
        T::check_deep
    }
}

impl<T: Validate> DeepCheckOfValidator<T> for &&Probe<T> {
    fn deep_check(&self) -> DeepCheck<T> {
        by_validator
    }
}

impl<T: Validate> DeepCheckOfContainer<Option<T>> for &Probe<Option<T>> {
    fn deep_check(&self) -> DeepCheck<Option<T>> {
        |value, report| value.iter().for_each(|value| by_validator(value, report))
    }
}

impl<T: Validate> DeepCheckOfContainer<Box<T>> for &Probe<Box<T>> {
    fn deep_check(&self) -> DeepCheck<Box<T>> {
        |value, report| by_validator(&**value, report)
    }
}

impl<K: AsRef<str>, T: Validate, S> DeepCheckOfContainer<HashMap<K, T, S>>
    for &Probe<HashMap<K, T, S>>
{
    fn deep_check(&self) -> DeepCheck<HashMap<K, T, S>> {
        |map, report| {
            for (key, value) in map {
                report.at_borrowed_key(key.as_ref(), |report| by_validator(value, report));
            }
        }
    }
}

impl<K: AsRef<str>, T: Validate> DeepCheckOfContainer<BTreeMap<K, T>> for &Probe<BTreeMap<K, T>> {
    fn deep_check(&self) -> DeepCheck<BTreeMap<K, T>> {
        |map, report| {
            for (key, value) in map {
                report.at_borrowed_key(key.as_ref(), |report| by_validator(value, report));
            }
        }
    }
}

impl<T> DeepCheckOfNone<T> for Probe<T> {
    fn deep_check(&self) -> DeepCheck<T> {
        |_, _| ()
    }
}

fn by_validator<T: Validate>(value: &T, report: &mut Report) {
    if let Err(errors) = value.validate() {
        bridge::from_validator(&errors, report);
    }
}

// === What is wrong with its rules ===

/// First choice: the type is a model, or holds one.
pub trait SurveyOfModel {
    /// Through [`Inspect::survey`].
    fn survey(&self, survey: &mut Survey);
}

/// The type has no rules of this crate.
pub trait SurveyOfNone {
    /// Does nothing.
    fn survey(&self, survey: &mut Survey);
}

impl<T: Inspect> SurveyOfModel for &Probe<T> {
    fn survey(&self, survey: &mut Survey) {
        T::survey(survey);
    }
}

impl<T> SurveyOfNone for Probe<T> {
    fn survey(&self, _: &mut Survey) {}
}

// === How it is described ===

/// First choice: the type's own schema.
pub trait ShapeOfSchema {
    /// The schema, or a reference to it.
    fn shape(&self, generator: &mut SchemaGenerator) -> Schema;
}

/// The schema is unknown, so it allows everything.
pub trait ShapeOfAny {
    /// `true`.
    fn shape(&self, generator: &mut SchemaGenerator) -> Schema;
}

impl<T: JsonSchema> ShapeOfSchema for &Probe<T> {
    fn shape(&self, generator: &mut SchemaGenerator) -> Schema {
        let mut shape = generator.subschema_for::<T>().to_value();
        crate::schema::complete(&mut shape);
        // A schema stays a schema.
        shape.try_into().unwrap_or_default()
    }
}

impl<T> ShapeOfAny for Probe<T> {
    fn shape(&self, _: &mut SchemaGenerator) -> Schema {
        Schema::from(true)
    }
}

/// First choice: a default that can be shown.
pub trait ShownOfSerialize<T> {
    /// The value as JSON, if serde makes JSON of it.
    fn shown(&self) -> fn(&T) -> Option<serde_json::Value>;
}

/// A default that cannot be shown.
pub trait ShownOfAny<T> {
    /// Nothing.
    fn shown(&self) -> fn(&T) -> Option<serde_json::Value>;
}

impl<T: Serialize> ShownOfSerialize<T> for &Probe<T> {
    fn shown(&self) -> fn(&T) -> Option<serde_json::Value> {
        |value| serde_json::to_value(value).ok()
    }
}

impl<T> ShownOfAny<T> for Probe<T> {
    fn shown(&self) -> fn(&T) -> Option<serde_json::Value> {
        |_| None
    }
}

// === Checks of the user's own ===

/// Calls the check at `$path` for the values in `$value`, which has the type `$ty`. Called by the macros.
#[doc(hidden)]
#[macro_export]
macro_rules! __check_each {
    ($path:expr, $ty:ty, $value:expr, $report:expr) => {{
        use $crate::__private::{
            CheckEach as _, CheckEachDeref as _, CheckInner as _, CheckInnerDeref as _,
            CheckNothing as _, CheckWhole as _,
        };
        (&&&&&&$crate::__private::Checks::<_, $ty>::new($path)).check($value, $report);
    }};
}
