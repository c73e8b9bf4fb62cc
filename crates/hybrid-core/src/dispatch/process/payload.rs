//! The body of a call, while it is the server's: as it came, or in the segment of a
//! worker that has it now.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::segment::Segment;
use crate::extract::receive::Raw;

/// What is passed on of a request's body.
#[derive(Clone)]
pub(crate) enum Payload {
    Nothing,
    /// As it came.
    Bytes(Arc<[Bytes]>),
    /// In a segment, of which it takes that many bytes.
    Shared(Arc<Segment>, usize),
    /// Larger than the route takes, and not read.
    TooLarge,
    /// Of a type that the route does not take, and not read.
    Unread,
}

impl From<Raw> for Payload {
    fn from(raw: Raw) -> Self {
        match raw {
            Raw::Nothing => Self::Nothing,
            Raw::Bytes(pieces) => Self::Bytes(pieces.into()),
            Raw::TooLarge => Self::TooLarge,
            Raw::Unread => Self::Unread,
        }
    }
}

impl Payload {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Bytes(pieces) => pieces.iter().map(Bytes::len).sum(),
            Self::Shared(_, bytes) => *bytes,
            Self::Nothing | Self::TooLarge | Self::Unread => 0,
        }
    }

    /// The bytes themselves; copied where they lie in a segment, whose worker must be
    /// gone.
    pub(super) fn into_pieces(self) -> Vec<Bytes> {
        match self {
            Self::Bytes(pieces) => pieces.to_vec(),
            Self::Shared(segment, bytes) => {
                let copied = segment.copy_out(0, bytes).unwrap_or_default();
                vec![copied.into()]
            }
            Self::Nothing | Self::TooLarge | Self::Unread => Vec::new(),
        }
    }

    /// Writes it to the beginning of a segment that is large enough.
    pub(super) fn write_to(&self, segment: &Segment) {
        match self {
            Self::Bytes(pieces) => {
                let mut offset = 0;
                for piece in pieces.iter() {
                    let is_written = segment.write_at(offset, piece);
                    debug_assert!(is_written, "the segment was made for this body");
                    offset += piece.len();
                }
            }
            Self::Shared(other, bytes) => {
                let is_copied = segment.copy_from(other, *bytes);
                debug_assert!(is_copied, "the segment was made for this body");
            }
            Self::Nothing | Self::TooLarge | Self::Unread => {}
        }
    }
}

/// All pieces as one; a single one is not copied.
pub(super) fn joined(pieces: &[Bytes]) -> Bytes {
    match pieces {
        [] => Bytes::new(),
        [one] => one.clone(),
        many => {
            let mut all = BytesMut::with_capacity(many.iter().map(Bytes::len).sum());
            many.iter().for_each(|piece| all.extend_from_slice(piece));
            all.freeze()
        }
    }
}
