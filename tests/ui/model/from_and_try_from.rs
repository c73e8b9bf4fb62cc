use hybrid::prelude::*;

#[model]
#[serde(from = "u64", try_from = "u64")]
struct Id(u64);

impl From<u64> for Id {
    fn from(id: u64) -> Self {
        Self(id)
    }
}

fn main() {}
