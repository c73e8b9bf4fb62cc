//! UUIDs, in every form that the `uuid` crate reads: hyphenated, simple, braced and as URN.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::text::{FromParam, ParamError};

impl FromParam for Uuid {
    fn from_param(text: &str) -> Result<Self, ParamError> {
        Self::try_parse(text).map_err(|_| ParamError::expected("a UUID"))
    }

    fn schema() -> Value {
        json!({ "type": "string", "format": "uuid" })
    }
}
