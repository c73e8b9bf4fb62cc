//! The body of a call while the server has it: as it came, or in the segment of a
//! worker that has it now.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::segment::Segment;

#[derive(Clone)]
pub(super) enum CallBody {
    Nothing,
    /// As it came.
    Bytes(Arc<[Bytes]>),
    /// The first bytes of a segment, that many.
    Segment(Arc<Segment>, usize),
}

impl From<Vec<Bytes>> for CallBody {
    fn from(pieces: Vec<Bytes>) -> Self {
        if pieces.iter().all(Bytes::is_empty) {
            Self::Nothing
        } else {
            Self::Bytes(pieces.into())
        }
    }
}

impl CallBody {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Bytes(pieces) => pieces.iter().map(Bytes::len).sum(),
            Self::Segment(_, bytes) => *bytes,
            Self::Nothing => 0,
        }
    }

    /// The bytes themselves. They are copied where they lie in a segment, whose worker
    /// must be gone.
    pub(super) fn into_pieces(self) -> Vec<Bytes> {
        match self {
            Self::Bytes(pieces) => pieces.to_vec(),
            Self::Segment(segment, bytes) => {
                let copied = segment.copy_out(0, bytes).unwrap_or_default();
                vec![copied.into()]
            }
            Self::Nothing => Vec::new(),
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
            Self::Segment(other, bytes) => {
                let is_copied = segment.copy_from(other, *bytes);
                debug_assert!(is_copied, "the segment was made for this body");
            }
            Self::Nothing => {}
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
