//! One named value: its source, its rules, its default.
//!
//! `const` calls build a [`Param`], and it lives in a `static`, so a request only reads and checks. Each rule is stored
//! with the function that checks it on `T`. So a rule that does not fit the type is a compile error at that rule, and a
//! check does not depend on run-time types.

mod as_sent;
mod build;
mod custom;
mod declared;

pub(crate) use as_sent::Part;
pub use custom::{
    CheckEach, CheckEachDeref, CheckInner, CheckInnerDeref, CheckNothing, CheckOf, CheckWhole,
    Checks, Each, Holds, TakesWhatIsThere, custom,
};
pub use declared::{Param, cookie, field, file, form, header, path, query};
