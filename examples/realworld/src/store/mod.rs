//! The database: SQL, and the rows it returns.

pub mod articles;
pub mod comments;
pub mod profiles;
pub mod users;

use hybrid::BoxError;
use r2d2::{Pool, PooledConnection};
use r2d2_sqlite::SqliteConnectionManager;

use crate::{error::Result, settings::Settings};

/// A connection of the pool. All functions of the stores take one.
pub type Connection = PooledConnection<SqliteConnectionManager>;

/// A pool of connections.
#[derive(Clone)]
pub struct Db(Pool<SqliteConnectionManager>);

impl Db {
    /// Opens the file that the settings name, and creates its tables.
    pub fn open(settings: Settings) -> Result<Self, BoxError> {
        let manager = SqliteConnectionManager::file(&settings.database).with_init(|connection| {
            connection.execute_batch(
                "PRAGMA journal_mode = WAL;
                 PRAGMA synchronous = NORMAL;
                 PRAGMA busy_timeout = 5000;
                 PRAGMA foreign_keys = ON;",
            )
        });
        let pool = Pool::builder().max_size(settings.connections).build(manager)?;
        pool.get()?.execute_batch(include_str!("schema.sql"))?;
        Ok(Self(pool))
    }

    /// Waits for a free connection.
    pub fn get(&self) -> Result<Connection> {
        Ok(self.0.get()?)
    }
}

/// A rule: the text has a visible character.
fn not_blank(text: &str) -> Result<(), &'static str> {
    if text.trim().is_empty() { Err("can't be blank") } else { Ok(()) }
}

/// Reads a field that may be absent but not null. The suite requires that.
mod not_null {
    use serde::{Deserialize, Deserializer};

    pub(super) fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        T::deserialize(from).map(Some)
    }
}
