//! The checks and responses of the peers: the rules of the validator crate, for all peers
//! without their own rules.

use serde::{Deserialize, Serialize};
use validator::{Validate, ValidationError};

use super::{Item, Processed};

#[derive(Deserialize, Validate)]
pub(super) struct ItemQuery {
    #[validate(length(min = 1, max = 50))]
    q: String,
    #[validate(range(min = 1, max = 100))]
    #[serde(default = "twenty")]
    limit: u32,
}

fn twenty() -> u32 {
    20
}

#[derive(Serialize, Deserialize, Validate)]
struct DataItem {
    #[validate(range(min = 1))]
    id: i64,
    #[validate(range(min = 0.0))]
    value: f64,
    #[validate(length(max = 100))]
    name: Option<String>,
}

#[derive(Deserialize, Validate)]
pub(super) struct ProcessData {
    #[validate(length(min = 1, max = 1000), nested)]
    data: Vec<DataItem>,
    #[validate(custom(function = "known_type"))]
    processing_type: String,
}

fn known_type(text: &str) -> Result<(), ValidationError> {
    match text {
        "standard" | "advanced" | "premium" => Ok(()),
        _ => Err(ValidationError::new("one_of")),
    }
}

/// The item, or the violation. The caller has refused a header that is not text.
pub(super) fn item(id: u64, query: ItemQuery, request_id: &str) -> Result<Item, String> {
    query.validate().map_err(|errors| errors.to_string())?;
    if id < 1 {
        return Err("id must be at least 1".to_owned());
    }
    let ItemQuery { q, limit } = query;
    Ok(Item {
        id,
        q,
        limit,
        request_id: request_id.to_owned(),
    })
}

/// The result for the data, or the violation.
pub(super) fn processed(body: ProcessData) -> Result<Processed, String> {
    body.validate().map_err(|errors| errors.to_string())?;
    Ok(Processed {
        count: body
            .data
            .iter()
            .filter(|item| item.id > 0 && item.name.is_some())
            .count(),
        total: body.data.iter().map(|item| item.value).sum(),
        processing_type: body.processing_type,
    })
}
