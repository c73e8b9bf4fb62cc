//! What gets out of date when no test looks.

mod crates;
mod files;
mod texts;

use self::files::{read, root};
