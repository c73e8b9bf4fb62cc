//! What gets out of date when no test looks.

mod arrows;
mod crates;
mod files;
mod modules;
mod names;
mod rooms;
mod sizes;
mod source;
mod texts;

use self::files::{read, root};
