//! How fields of messages are written and read: bytes in one piece, lists with a bound.

use std::{fmt, marker::PhantomData};

use serde::{Deserialize, Deserializer, Serializer, de};

/// Writes bytes in one piece. serde writes a slice byte by byte, which gives the same
/// message and takes longer.
///
/// # Errors
/// The serializer's.
pub fn bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

/// Reads a list of at most `MAX` entries. A longer one is refused before there is
/// memory for it.
///
/// # Errors
/// The list is longer, or is not such a list.
pub fn at_most<'de, const MAX: usize, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct AtMost<T, const MAX: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const MAX: usize> de::Visitor<'de> for AtMost<T, MAX> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {MAX} entries")
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::with_capacity(entries.size_hint().unwrap_or(0).min(MAX));
            while let Some(entry) = entries.next_element()? {
                if list.len() == MAX {
                    return Err(de::Error::invalid_length(MAX + 1, &self));
                }
                list.push(entry);
            }
            Ok(list)
        }
    }

    deserializer.deserialize_seq(AtMost::<T, MAX>(PhantomData))
}
