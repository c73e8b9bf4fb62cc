//! A mapping of shared memory in this process, and what keeps its writers away from its
//! readers.

use std::{io, os::fd::OwnedFd, ptr};

use memmap2::{MmapOptions, MmapRaw};

use crate::sync::{AtomicUsize, Ordering};

/// A mapping, and how this process uses it. All access is by pointer.
pub(super) struct Mapping {
    map: MmapRaw,
    pub(super) uses: MemoryUse,
}

impl Mapping {
    pub(super) fn map(fd: &OwnedFd, size: usize) -> io::Result<Self> {
        Ok(Self {
            map: MmapOptions::new().len(size).map_raw(fd)?,
            uses: MemoryUse::default(),
        })
    }

    pub(super) fn size(&self) -> usize {
        self.map.len()
    }

    pub(super) fn start(&self) -> *mut u8 {
        self.map.as_mut_ptr()
    }

    /// Where that range begins, if it lies inside.
    pub(super) fn at(&self, offset: usize, len: usize) -> Option<*mut u8> {
        let end = offset.checked_add(len)?;
        (end <= self.size()).then(|| self.start().wrapping_add(offset))
    }

    #[expect(unsafe_code, reason = "memory that is shared with another process")]
    pub(super) fn write(&self, offset: usize, bytes: &[u8]) -> bool {
        let Some(to) = self.at(offset, bytes.len()) else {
            return false;
        };
        if !self.uses.write() {
            return false;
        }
        // SAFETY: the range lies in the mapping. `bytes` does not, since a slice of it
        // is made for a reader alone, and `MemoryUse` knows of none. The other process does
        // not read before it is told to by the message that follows.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        self.uses.end_write();
        true
    }

    #[expect(unsafe_code, reason = "memory that is shared with another process")]
    pub(super) fn copy_from(&self, other: &Self, len: usize) -> bool {
        let (Some(to), Some(from)) = (self.at(0, len), other.at(0, len)) else {
            return false;
        };
        if ptr::eq(self, other) {
            return true;
        }
        if !other.uses.read() {
            return false;
        }
        let is_mine = self.uses.write();
        if is_mine {
            // SAFETY: both ranges lie in their mappings, which are different ones and
            // do not overlap. In this process no code writes the one, nor uses the other.
            unsafe { ptr::copy_nonoverlapping(from, to, len) };
            self.uses.end_write();
        }
        other.uses.end_read();
        is_mine
    }

    pub(super) fn copy_out(&self, offset: usize, len: usize) -> Option<Vec<u8>> {
        self.at(offset, len)?;
        let mut copy = vec![0; len];
        self.read(offset, &mut copy).then_some(copy)
    }

    #[expect(unsafe_code, reason = "memory that is shared with another process")]
    pub(super) fn read(&self, offset: usize, into: &mut [u8]) -> bool {
        let Some(from) = self.at(offset, into.len()) else {
            return false;
        };
        if !self.uses.read() {
            return false;
        }
        // SAFETY: the range lies in the mapping, and no code of this process writes
        // there. `into` is memory of its own: no `&mut` into a mapping is ever made.
        // If the other process writes, what is read is any bytes, and stays the same.
        unsafe { ptr::copy_nonoverlapping(from, into.as_mut_ptr(), into.len()) };
        self.uses.end_read();
        true
    }
}

/// The uses of a piece of memory, in one word, so that every decision sees one state:
/// held by the worker, written, read by so many.
///
/// Each end of a use is a release, which the acquire of the next use sees.
#[derive(Default)]
pub(super) struct MemoryUse(AtomicUsize);

impl MemoryUse {
    const HELD: usize = 1;
    const WRITTEN: usize = 2;
    const READER: usize = 4;

    pub(super) fn are_none(&self) -> bool {
        self.0.load(Ordering::Acquire) == 0
    }

    /// False: it is used.
    pub(super) fn hold(&self) -> bool {
        self.change(|uses| (uses == 0).then_some(Self::HELD))
    }

    /// False: it was not held.
    pub(super) fn end_hold(&self) -> bool {
        self.0.fetch_and(!Self::HELD, Ordering::Release) & Self::HELD != 0
    }

    pub(super) fn read(&self) -> bool {
        self.change(|uses| (uses & Self::WRITTEN == 0).then_some(uses + Self::READER))
    }

    pub(super) fn read_held(&self) -> bool {
        let is_open = |uses| uses & (Self::WRITTEN | Self::HELD) == Self::HELD;
        self.change(|uses| is_open(uses).then_some(uses + Self::READER))
    }

    /// True: this was the last reader.
    pub(super) fn end_read(&self) -> bool {
        self.0.fetch_sub(Self::READER, Ordering::AcqRel) / Self::READER == 1
    }

    pub(super) fn write(&self) -> bool {
        self.change(|uses| (uses < Self::WRITTEN).then_some(uses | Self::WRITTEN))
    }

    pub(super) fn end_write(&self) {
        self.0.fetch_and(!Self::WRITTEN, Ordering::Release);
    }

    pub(super) fn change(&self, to: impl FnMut(usize) -> Option<usize>) -> bool {
        self.0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, to)
            .is_ok()
    }
}

#[cfg(all(test, hybrid_loom))]
mod loom_tests {
    use loom::{cell::UnsafeCell, sync::Arc, thread};

    use super::*;

    /// Loom watches the cell: a write beside a read or another write is an error.
    #[test]
    fn loom_a_reader_is_never_beside_the_next_writer() {
        loom::model(|| {
            let shared = Arc::new((MemoryUse::default(), UnsafeCell::new(0)));
            assert!(shared.0.hold());
            let other = Arc::clone(&shared);
            let reader = thread::spawn(move || {
                let (uses, bytes) = &*other;
                if uses.read_held() {
                    bytes.with(|_| ());
                    uses.end_read();
                }
            });
            let (uses, bytes) = &*shared;
            assert!(uses.end_hold());
            if uses.hold() && uses.write() {
                bytes.with_mut(|_| ());
                uses.end_write();
            }
            reader.join().expect("no panic");
            assert!(uses.end_hold() || uses.are_none());
        });
    }
}
