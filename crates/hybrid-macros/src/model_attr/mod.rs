//! `#[model]`: rules, schema and serde for a user's type: parse → model → check → expand.

mod attribute;
mod check;
mod expand;
mod fields;
mod generics;
mod item;
mod model;
mod serde_attr;
#[cfg(test)]
mod tests;

pub(crate) use attribute::model;
#[cfg(test)]
pub(crate) use attribute::parts;
