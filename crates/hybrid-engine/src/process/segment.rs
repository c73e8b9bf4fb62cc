//! Shared memory for bodies that are too large for a message.
//!
//! The server makes a segment and seals it, so that no process resizes it. A segment
//! belongs to one worker, which gets its descriptor once. It is taken for a call's body
//! or lent for an answer's. It is free again when the worker has returned it and the
//! server has sent what lies in it:
//!
//! ```text
//! free ─take→ held: the server writes, sends, the worker reads or writes ─returned→ free
//!                   └─SharedRange::of→ read by the server's sockets ─drop→
//! ```
//!
//! All of the unsafe code here relies on when which process writes:
//! - The server writes a call's segment before it sends the call, and never again before
//!   the worker has returned it. The worker trusts in that, since the server is its parent
//!   and the same program: a [`SharedBody`] is plain memory.
//! - Inside each process, [`MemoryUse`](mapping::MemoryUse) keeps writers away from readers.
//! - A worker is trusted with nothing: its memory may change under the server's
//!   `&[u8]` of a [`SharedRange`]. Therefore those bytes are only ever copied by the system
//!   to a socket, never parsed, and no decision follows from them. What the server
//!   must look at it copies first, [`Segment::copy_out`].
//!
//! A worker that punches holes into a segment finds zeros there, as does the
//! server; the seals leave it no way to make the server's reads fail.

mod mapped;
mod mapping;

use std::{
    fmt, io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    slice,
    sync::{Arc, PoisonError},
};

use rustix::{
    fs::{FallocateFlags, MemfdFlags, SealFlags},
    io::{Errno, retry_on_intr},
};

pub(super) use self::mapped::{MappedSegment, ReturnedSegments, SharedBody};
use self::mapping::Mapping;
use crate::sync::{AtomicBool, AtomicUsize, Mutex, MutexGuard, Ordering};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// What the segments of an application take, and how much they may.
pub(super) struct SegmentBudget {
    limit_bytes: usize,
    taken_bytes: AtomicUsize,
}

impl SegmentBudget {
    pub(super) fn new(limit_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            limit_bytes,
            taken_bytes: AtomicUsize::new(0),
        })
    }

    /// In bytes.
    pub(super) fn taken(&self) -> usize {
        self.taken_bytes.load(Ordering::Relaxed)
    }

    fn take(self: &Arc<Self>, bytes: usize) -> Option<BudgetShare> {
        let more = |taken: usize| {
            taken
                .checked_add(bytes)
                .filter(|sum| *sum <= self.limit_bytes)
        };
        let taken = &self.taken_bytes;
        taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .ok()?;
        Some(BudgetShare {
            budget: Arc::clone(self),
            bytes,
        })
    }
}

/// A part of the budget, given back on drop.
struct BudgetShare {
    budget: Arc<SegmentBudget>,
    bytes: usize,
}

impl Drop for BudgetShare {
    fn drop(&mut self) {
        self.budget
            .taken_bytes
            .fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Why there is no segment.
#[derive(Debug)]
pub(super) enum SegmentError {
    Budget,
    System(io::Error),
}

impl fmt::Display for SegmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget => f.write_str("the application's segments take all they may"),
            Self::System(error) => write!(f, "no shared memory: {error}"),
        }
    }
}

impl From<io::Error> for SegmentError {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<Errno> for SegmentError {
    fn from(error: Errno) -> Self {
        Self::System(error.into())
    }
}

/// How large a segment for that many bytes is: few sizes, so that one fits again.
pub(super) fn size_for(bytes: usize) -> usize {
    if bytes <= MIB {
        bytes.next_power_of_two().max(128 * KIB)
    } else {
        // A size that is not there is refused by the budget, or by the system.
        bytes.checked_next_multiple_of(MIB).unwrap_or(usize::MAX)
    }
}

/// Shared memory that belongs to one worker.
pub(crate) struct Segment {
    id: u32,
    memory: Mapping,
    fd: OwnedFd,
    /// The worker has the descriptor.
    is_sent: AtomicBool,
    _taken: BudgetShare,
}

impl Segment {
    /// A segment of [`size_for`] that many bytes, all of which are there: a lack of
    /// memory shows here, and not as a signal at the first touch.
    pub(super) fn create(
        id: u32,
        bytes: usize,
        budget: &Arc<SegmentBudget>,
    ) -> Result<Self, SegmentError> {
        let size = size_for(bytes);
        let taken = budget.take(size).ok_or(SegmentError::Budget)?;
        let fd = memory_file()?;
        let length = size as u64;
        retry_on_intr(|| rustix::fs::ftruncate(&fd, length))?;
        retry_on_intr(|| rustix::fs::fallocate(&fd, FallocateFlags::empty(), 0, length))?;
        rustix::fs::fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        Ok(Self {
            id,
            memory: Mapping::map(&fd, size)?,
            fd,
            is_sent: AtomicBool::new(false),
            _taken: taken,
        })
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }

    pub(super) fn size(&self) -> usize {
        self.memory.size()
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// The worker has the descriptor from now on: to be called when the message
    /// that carried it was sent.
    pub(super) fn mark_sent(&self) {
        self.is_sent.store(true, Ordering::Relaxed);
    }

    /// False: out of range, or it is read or written at this moment. Only for a segment
    /// that was taken and whose call was not sent.
    #[must_use]
    pub(super) fn write_at(&self, offset: usize, bytes: &[u8]) -> bool {
        self.memory.write(offset, bytes)
    }

    /// Takes over the first bytes of another: a body has outgrown it. False as for
    /// [`write_at`](Self::write_at).
    #[must_use]
    pub(super) fn copy_from(&self, other: &Self, bytes: usize) -> bool {
        self.memory.copy_from(&other.memory, bytes)
    }

    /// A copy, which no worker can change any more.
    pub(super) fn copy_out(&self, offset: usize, len: usize) -> Option<Vec<u8>> {
        self.memory.copy_out(offset, len)
    }

    /// Neither held by the worker nor read by the server.
    pub(super) fn is_free(&self) -> bool {
        self.memory.uses.are_none()
    }
}

/// Mapping with a descriptor and no name.
fn memory_file() -> Result<OwnedFd, Errno> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Before Linux 6.3 there is no such flag.
    match rustix::fs::memfd_create(c"hybrid-segment", flags | MemfdFlags::NOEXEC_SEAL) {
        Err(Errno::INVAL) => rustix::fs::memfd_create(c"hybrid-segment", flags),
        other => other,
    }
}

/// An answer's bytes where the worker wrote them, for `Bytes::from_owner`.
///
/// The segment is not taken again before this is dropped. What the bytes are may
/// change at any moment: see the module's text for what is not to be done.
pub(super) struct SharedRange {
    segment: Arc<Segment>,
    offset: usize,
    len: usize,
}

impl SharedRange {
    /// `None`: out of range, or of a segment that the worker does not hold. An
    /// answer's part is therefore made before the segments which the answer
    /// returns are marked so.
    pub(super) fn of(segment: &Arc<Segment>, offset: u64, len: u64) -> Option<Self> {
        let (offset, len) = (usize::try_from(offset).ok()?, usize::try_from(len).ok()?);
        segment.memory.at(offset, len)?;
        segment.memory.uses.read_held().then(|| Self {
            segment: Arc::clone(segment),
            offset,
            len,
        })
    }
}

impl AsRef<[u8]> for SharedRange {
    #[expect(unsafe_code, reason = "memory that is shared with another process")]
    fn as_ref(&self) -> &[u8] {
        let start = self.segment.memory.at(self.offset, self.len);
        let start = start.expect("the range was checked when this was made");
        // SAFETY: the range lies in the mapping, which lives as long as the segment,
        // hence as `self`, and whose pages exist since the seals forbid to shrink it.
        // This process does not write there: `read_held` counts this as a reader.
        // The worker may write all the same, if it is hostile; then what is read is
        // any bytes, and only the system's copy to a socket reads them.
        unsafe { slice::from_raw_parts(start, self.len) }
    }
}

impl Drop for SharedRange {
    fn drop(&mut self) {
        self.segment.memory.uses.end_read();
    }
}

/// The segments of one worker.
pub(super) struct Segments {
    budget: Arc<SegmentBudget>,
    owned: Mutex<SegmentList>,
}

#[derive(Default)]
struct SegmentList {
    list: Vec<Arc<Segment>>,
    next_id: u32,
}

impl Segments {
    pub(super) fn new(budget: Arc<SegmentBudget>) -> Self {
        Self {
            budget,
            owned: Mutex::default(),
        }
    }

    /// A segment for that many bytes, held by the worker from now on: a free one
    /// that is not far too large, or else a new one. `true`: the worker does not
    /// have its descriptor yet.
    pub(super) fn take(&self, bytes: usize) -> Result<(Arc<Segment>, bool), SegmentError> {
        let size = size_for(bytes);
        if let Some(free) = self.take_free(bytes) {
            return Ok(free);
        }
        match self.take_new(bytes) {
            // Rather a far too large one than none.
            Err(SegmentError::Budget) => {
                let segment = self.lock().take_free(size, usize::MAX);
                let segment = segment.ok_or(SegmentError::Budget)?;
                let is_new = !segment.is_sent.load(Ordering::Relaxed);
                Ok((segment, is_new))
            }
            new => Ok((new?, true)),
        }
    }

    /// As [`take`](Self::take), where a free one is there already.
    pub(super) fn take_free(&self, bytes: usize) -> Option<(Arc<Segment>, bool)> {
        let size = size_for(bytes);
        let segment = self.lock().take_free(size, size.saturating_mul(4))?;
        let is_new = !segment.is_sent.load(Ordering::Relaxed);
        Some((segment, is_new))
    }

    /// Without the lock, since large memory takes its time.
    fn take_new(&self, bytes: usize) -> Result<Arc<Segment>, SegmentError> {
        let id = self.lock().new_id();
        let segment = Arc::new(Segment::create(id, bytes, &self.budget)?);
        segment.memory.uses.hold();
        self.lock().list.push(Arc::clone(&segment));
        Ok(segment)
    }

    pub(super) fn get(&self, id: u32) -> Option<Arc<Segment>> {
        let owned = self.lock();
        owned.list.iter().find(|segment| segment.id == id).cloned()
    }

    /// The worker uses it no more, or the server did not send it after all. False: the
    /// worker did not hold it, so that the message is false.
    #[must_use]
    pub(super) fn returned(&self, id: u32) -> bool {
        self.get(id)
            .is_some_and(|segment| segment.memory.uses.end_hold())
    }

    /// Drops free ones, largest first, until those left that are free take at most
    /// that much. ReturnedSegments the ids of those which the worker has, and must unmap.
    pub(super) fn trim(&self, keep_bytes: usize) -> Vec<u32> {
        let dropped = self.lock().remove_free(keep_bytes);
        let sent = dropped
            .iter()
            .filter(|segment| segment.is_sent.load(Ordering::Relaxed));
        sent.map(|segment| segment.id).collect()
    }

    /// What they take, in all.
    #[cfg(all(test, not(hybrid_loom)))]
    pub(super) fn bytes(&self) -> usize {
        self.lock().list.iter().map(|segment| segment.size()).sum()
    }

    fn lock(&self) -> MutexGuard<'_, SegmentList> {
        self.owned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SegmentList {
    fn take_free(&self, size: usize, size_max: usize) -> Option<Arc<Segment>> {
        let fit = self
            .list
            .iter()
            .filter(|segment| (size..=size_max).contains(&segment.size()) && segment.is_free());
        let smallest = fit.min_by_key(|segment| segment.size())?;
        // No other thread takes it: that needs the lock. And no reading begins of a
        // segment that the worker does not hold.
        smallest.memory.uses.hold().then(|| Arc::clone(smallest))
    }

    fn remove_free(&mut self, keep_bytes: usize) -> Vec<Arc<Segment>> {
        self.list.sort_by_key(|segment| segment.size());
        let free = self.list.iter().filter(|segment| segment.is_free());
        let mut kept: usize = free.map(|segment| segment.size()).sum();
        let mut removed = Vec::new();
        for at in (0..self.list.len()).rev() {
            if kept <= keep_bytes {
                break;
            }
            if self.list[at].is_free() {
                kept = kept.saturating_sub(self.list[at].size());
                removed.push(self.list.remove(at));
            }
        }
        removed
    }

    /// Ids come round after four thousand million segments, of which few live.
    fn new_id(&mut self) -> u32 {
        loop {
            let id = self.next_id;
            self.next_id = id.wrapping_add(1);
            if self.list.iter().all(|segment| segment.id != id) {
                return id;
            }
        }
    }
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests;
