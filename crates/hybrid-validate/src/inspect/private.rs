//! What the code that `#[model]` generates may name; a closed list.
//!
//! The facade hands it on, so that a user's crate depends on nothing else. No part of the public interface.

// Called by `#[model]`: the traits it implements.
pub use super::{Check, Input, Inspect};
pub use schemars::{JsonSchema, Schema, SchemaGenerator};
pub use serde::{self, Deserialize, Deserializer, Serialize};
pub use validator::{Validate, ValidationErrors};

// Called by `#[model]`: what a field is.
pub use crate::{Format, Num, Number, Param, Pattern, Report, field};

// Called by `#[model]`: deserialising and checking.
pub use super::check::{
    Refusal, RefuseAsWhole, RefuseInPlace, across, afterwards, check_deep, check_field, checked,
    validate,
};
pub use super::strict::{Strict, StrictTagged};

// Called by `#[model]`: what a field's type can do.
pub use super::probe::{
    DeepCheckOfContainer, DeepCheckOfModel, DeepCheckOfNone, DeepCheckOfValidator, Inspector,
    InspectorOfModel, InspectorOfNone, InspectorOfSerde, Probe, ShapeOfAny, ShapeOfSchema,
    ShownOfAny, ShownOfSerialize,
};

// Called by `#[model]`: reading.
pub use super::foreign::inspect_with;
pub use super::variants::{
    Names, beside, external, nothing_beside, tagged, unit, untagged, within,
};
pub use super::{Elements, Fields};

// Called by `#[model]`: describing.
pub use super::shape;
