//! Headers beside an answer. A name or value that cannot stand in a header is a
//! 500 of that request: never a panic, never a second line on the wire.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{BoxError, problem::Problem};

/// Headers of an answer: a [`HeaderMap`], or pairs in an array or a `Vec`.
pub trait IntoHeaders {
    /// Adds them to those of the answer, in place of those of the same name.
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
        self.into_iter().try_for_each(|pair| insert(pair, headers))
    }
}

impl<K, V> IntoHeaders for Vec<(K, V)>
where
    K: TryInto<HeaderName, Error: Into<BoxError>>,
    V: TryInto<HeaderValue, Error: Into<BoxError>>,
{
    fn add_to(self, headers: &mut HeaderMap) -> Result<(), Problem> {
        self.into_iter().try_for_each(|pair| insert(pair, headers))
    }
}

fn insert<K, V>((name, value): (K, V), headers: &mut HeaderMap) -> Result<(), Problem>
where
    K: TryInto<HeaderName, Error: Into<BoxError>>,
    V: TryInto<HeaderValue, Error: Into<BoxError>>,
{
    let refused = |error: BoxError| Problem::internal(format!("a header of the answer: {error}"));
    let name = name.try_into().map_err(|error| refused(error.into()))?;
    let value = value.try_into().map_err(|error| refused(error.into()))?;
    headers.insert(name, value);
    Ok(())
}
