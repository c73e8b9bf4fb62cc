//! The program's settings: table `[app]` of `hybrid.toml`, and `HYBRID_APP__KEY`.

use hybrid::prelude::*;

#[model(input)]
#[derive(Clone)]
pub struct Settings {
    /// The file of the database.
    #[field(min_length = 1)]
    pub database: String,
    /// Connections to the database, at most.
    #[field(ge = 1, le = 256, default = 8)]
    pub connections: u32,
    /// How long a token is valid, in days.
    #[field(ge = 1, default = 60)]
    pub token_days: u64,
    /// The key that signs tokens.
    #[field(min_length = 16)]
    pub secret: String,
}
