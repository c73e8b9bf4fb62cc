//! Which types a rule fits, and how a rule is checked on their values.

mod items;
mod number;
mod text;

pub use items::{Items, UniqueItems};
pub use number::Number;
pub use text::Text;
