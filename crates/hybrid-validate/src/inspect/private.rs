//! What the code that `#[model]` generates may name; a closed list.
//!
//! The facade hands it on, so that a user's crate depends on nothing else. No part of the public interface.

// Called by `#[model]`: the traits it implements.
pub use super::{Check, Input, Inspect, Survey};
pub use schemars::{JsonSchema, Schema, SchemaGenerator};
pub use serde::{self, Deserialize, Deserializer, Serialize};
pub use validator::{Validate, ValidationErrors};

// Called by `#[model]`: what a field is.
pub use crate::__check_each as check_each;
pub use crate::param::{
    CheckEach, CheckEachDeref, CheckInner, CheckInnerDeref, CheckNothing, CheckWhole, Checks,
    custom,
};
pub use crate::patch::Patch;
pub use crate::{Format, Items, Num, Number, Param, Pattern, Report, Text, UniqueItems, field};
pub use std::borrow::Cow;

// Called by `#[model]`: deserialising and checking.
pub use super::check::{
    Inside, Refusal, RefuseAsWhole, RefuseInPlace, across, check_deep, check_element, check_field,
    checked, made_from, tried_from, validate,
};
pub use super::finite::{AllFinite, finite, finite_element, finite_field};
pub use super::formal::{FormalOfDates, FormalOfSerde};
pub use super::optional::flat_option;
pub use super::strict::{Strict, StrictTagged, strict_model, tagged_model};
pub use super::trace::model;
pub use crate::{__formal as formal, __refuse as refuse};

// Called by `#[model]`: what a field's type can do.
pub use super::probe::{
    DeepCheckOfContainer, DeepCheckOfModel, DeepCheckOfNone, DeepCheckOfValidator, Inspector,
    InspectorOfModel, InspectorOfNone, InspectorOfSerde, Probe, ShapeOfAny, ShapeOfSchema,
    ShownOfAny, ShownOfSerialize, SurveyOfModel, SurveyOfNone,
};

pub use crate::{
    __deep_check as deep_check, __inspector as inspector, __shape as shape_of, __shown as shown,
    __survey as survey,
};

// Called by `#[model]`: reading.
pub use super::fields::read_whole;
pub use super::foreign::inspect_with;
pub use super::variants::{
    Names, alongside, beside, external, nothing_beside, tagged, unit, untagged, within,
};
pub use super::{Elements, Fields};

// Called by `#[model]`: describing.
pub use super::shape;
