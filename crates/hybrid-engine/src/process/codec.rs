//! How messages are written and read: as postcard does it, with a bound.
//!
//! A message may end in an opaque head, which this folder does not interpret:
//! [`HeadBuffer`] takes it and [`HeadBytes`] gives it back. The head is written straight
//! into the message's buffer and read out of it, without a copy in between.

use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

use super::types::{Malformed, TooLong};

/// The longest message: a body of 64 KiB, a head of 64 KiB, and some room.
pub(super) const MESSAGE_BYTES_MAX: usize = 160 * 1024;

/// Writes the message into the buffer, which is cleared first. It is left empty where
/// the message is too long.
pub(super) fn encode<T: Serialize>(message: &T, into: &mut Vec<u8>) -> Result<(), TooLong> {
    encode_with(message, into, |_| Ok(()))
}

/// As [`encode`], with a head behind the message.
pub(super) fn encode_with<T: Serialize>(
    message: &T,
    into: &mut Vec<u8>,
    write_head: impl FnOnce(&mut HeadBuffer<'_>) -> Result<(), TooLong>,
) -> Result<(), TooLong> {
    into.clear();
    let written = append(message, into).and_then(|()| write_head(&mut HeadBuffer::new(into)));
    if written.is_err() {
        into.clear();
    }
    written
}

/// Reads a message, which must end where the bytes do.
pub(super) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Malformed> {
    let (message, rest) = split(bytes)?;
    nothing_more(rest)?;
    Ok(message)
}

/// Reads a message and what stands behind it.
pub(super) fn split<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, &'a [u8]), Malformed> {
    postcard::take_from_bytes(bytes)
        .map_err(|error| Malformed::new(format!("not a message: {error}")))
}

pub(super) fn nothing_more(rest: &[u8]) -> Result<(), Malformed> {
    match rest.len() {
        0 => Ok(()),
        more => Err(Malformed::new(format!("{more} bytes too many"))),
    }
}

fn append<T: Serialize + ?Sized>(message: &T, to: &mut Vec<u8>) -> Result<(), TooLong> {
    let written = postcard::serialize_with_flavor(message, Bounded(to));
    written.map_err(|_: postcard::Error| TooLong {
        bytes_max: MESSAGE_BYTES_MAX,
    })
}

/// Where the head of a call or of an answer is written to.
#[derive(Debug)]
pub struct HeadBuffer<'a>(&'a mut Vec<u8>);

impl<'a> HeadBuffer<'a> {
    /// Appends to a buffer, as to the rest of a message.
    pub fn new(buffer: &'a mut Vec<u8>) -> Self {
        Self(buffer)
    }

    /// Appends a value.
    ///
    /// # Errors
    /// The message would be longer than a message may be.
    pub fn write<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), TooLong> {
        append(value, self.0)
    }
}

/// The head of a call or of an answer, as it was received.
#[derive(Clone, Copy, Debug)]
pub struct HeadBytes<'a>(&'a [u8]);

impl<'a> HeadBytes<'a> {
    /// Takes these bytes for a head.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Reads the head as one value, which must end where the head does.
    ///
    /// # Errors
    /// The bytes are no such value.
    pub fn read<T: Deserialize<'a>>(self) -> Result<T, Malformed> {
        decode(self.0)
    }
}

/// The output of postcard: it has no vector with a bound.
struct Bounded<'a>(&'a mut Vec<u8>);

impl Flavor for Bounded<'_> {
    type Output = ();

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        if data.len() > MESSAGE_BYTES_MAX - self.0.len() {
            return Err(postcard::Error::SerializeBufferFull);
        }
        self.0.extend_from_slice(data);
        Ok(())
    }

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.try_extend(&[data])
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
