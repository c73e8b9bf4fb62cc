//! Headers beside an answer. A name or value that cannot stand in a header is a
//! 500 of that request: never a panic, never a second line on the wire.

use http::{HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;

use crate::{BoxError, problem::Problem};

/// Headers of an answer: a [`HeaderMap`], or pairs in an array or a `Vec`.
///
/// A name that is there several times is sent several times: two `set-cookie` are two
/// cookies.
pub trait IntoHeaders {
    /// Adds them to those of the answer, in place of those of the same name that are
    /// there already.
    ///
    /// # Errors
    /// A 500 where a name or a value cannot stand in a header.
    fn add_to(self, headers: &mut HeaderMap) -> Result<(), Problem>;
}

impl IntoHeaders for HeaderMap {
    fn add_to(self, headers: &mut HeaderMap) -> Result<(), Problem> {
        headers.extend(self);
        Ok(())
    }
}

impl<K, V, const N: usize> IntoHeaders for [(K, V); N]
where
    K: TryInto<HeaderName, Error: Into<BoxError>>,
    V: TryInto<HeaderValue, Error: Into<BoxError>>,
{
    fn add_to(self, headers: &mut HeaderMap) -> Result<(), Problem> {
        add_pairs(self, headers)
    }
}

impl<K, V> IntoHeaders for Vec<(K, V)>
where
    K: TryInto<HeaderName, Error: Into<BoxError>>,
    V: TryInto<HeaderValue, Error: Into<BoxError>>,
{
    fn add_to(self, headers: &mut HeaderMap) -> Result<(), Problem> {
        add_pairs(self, headers)
    }
}

/// The first pair of a name takes the place of what was there, further ones stand beside
/// it.
fn add_pairs<K, V>(
    pairs: impl IntoIterator<Item = (K, V)>,
    headers: &mut HeaderMap,
) -> Result<(), Problem>
where
    K: TryInto<HeaderName, Error: Into<BoxError>>,
    V: TryInto<HeaderValue, Error: Into<BoxError>>,
{
    let refused = |error: BoxError| Problem::internal(format!("a header of the answer: {error}"));
    let mut added: SmallVec<[HeaderName; 4]> = SmallVec::new();
    for (name, value) in pairs {
        let name = name.try_into().map_err(|error| refused(error.into()))?;
        let value = value.try_into().map_err(|error| refused(error.into()))?;
        if added.contains(&name) {
            headers.append(name, value);
        } else {
            headers.insert(name.clone(), value);
            added.push(name);
        }
    }
    Ok(())
}
