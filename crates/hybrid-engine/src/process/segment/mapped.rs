//! The worker's side of shared memory: the body of a call in place, and where an answer
//! is written.

use std::{
    io,
    os::fd::OwnedFd,
    slice,
    sync::{Arc, PoisonError},
};

use rustix::fs::SealFlags;

use super::mapping::Mapping;
use crate::sync::{Mutex, MutexGuard};

/// A segment of the server's, in the worker.
pub(in crate::process) struct MappedSegment {
    id: u32,
    memory: Mapping,
}

impl MappedSegment {
    /// # Errors
    /// The system's, and `InvalidInput` for a file that another process could shrink
    /// while it is read.
    pub(in crate::process) fn new(fd: OwnedFd, id: u32) -> io::Result<Arc<Self>> {
        if !rustix::fs::fcntl_get_seals(&fd)?.contains(SealFlags::SHRINK) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let size = usize::try_from(rustix::fs::fstat(&fd)?.st_size);
        let size = size.map_err(|_| io::ErrorKind::InvalidInput)?;
        let memory = Mapping::map(&fd, size)?;
        // The mapping outlives the descriptor.
        drop(fd);
        Ok(Arc::new(Self { id, memory }))
    }

    pub(in crate::process) fn id(&self) -> u32 {
        self.id
    }

    #[cfg(all(test, not(hybrid_loom)))]
    pub(in crate::process) fn size(&self) -> usize {
        self.memory.size()
    }

    /// Writes of an answer. False: out of range, or a request's body is read there.
    #[must_use]
    pub(in crate::process) fn write(&self, offset: usize, bytes: &[u8]) -> bool {
        self.memory.write(offset, bytes)
    }

    /// Where these bytes lie in this segment: an answer may be a piece of its
    /// request. `None` also for no bytes at all.
    pub(in crate::process) fn offset_of(&self, bytes: &[u8]) -> Option<usize> {
        if bytes.is_empty() {
            return None;
        }
        let offset = bytes
            .as_ptr()
            .addr()
            .checked_sub(self.memory.start().addr())?;
        self.memory.at(offset, bytes.len()).map(|_| offset)
    }
}

/// The request's body in place, for `Bytes::from_owner`. When the last one of its
/// segment is dropped, the segment is to be returned.
pub(in crate::process) struct SharedBody {
    mapped: Arc<MappedSegment>,
    len: usize,
    returns: Arc<ReturnedSegments>,
}

impl SharedBody {
    /// The first bytes of that segment. `None`: it is smaller, or written to at
    /// this moment.
    pub(in crate::process) fn new(
        mapped: Arc<MappedSegment>,
        len: usize,
        returns: Arc<ReturnedSegments>,
    ) -> Option<Self> {
        mapped.memory.at(0, len)?;
        mapped.memory.uses.read().then_some(Self {
            mapped,
            len,
            returns,
        })
    }
}

impl AsRef<[u8]> for SharedBody {
    #[expect(unsafe_code, reason = "memory that is shared with another process")]
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the range was checked when this was made; the mapping lives as long
        // as `self.mapped`, and its pages exist since it carries the seal against
        // shrinking. This process does not write there, since `MemoryUse` counts this as a
        // reader, and the server does not before it was told that this is dropped.
        unsafe { slice::from_raw_parts(self.mapped.memory.start(), self.len) }
    }
}

impl Drop for SharedBody {
    fn drop(&mut self) {
        if self.mapped.memory.uses.end_read() {
            self.returns.push(self.mapped.id);
        }
    }
}

/// The segments which the worker uses no more, until it says so.
#[derive(Default)]
pub(in crate::process) struct ReturnedSegments(Mutex<Vec<u32>>);

impl ReturnedSegments {
    pub(in crate::process) fn push(&self, id: u32) {
        self.lock().push(id);
    }

    pub(in crate::process) fn take_all(&self) -> Vec<u32> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
