//! Memory for the bodies of requests: the bound that `bodies_limit` is.
//!
//! There are two pots of that size. The first counts what is received, as soon as a body
//! is larger than a few kilobytes: by the announced length, at once, so that bodies which
//! grow side by side do not wait for each other; by the received bytes where no length is
//! known. The second counts what is parsed, by a factor, when the body is complete. A body
//! waits for the second pot while it holds a part of the first, and never the other way
//! round.
//!
//! A reservation ends with the job that works on the body, and not when the client
//! leaves: the request's `Parts` hold it, and so does what runs on the pool.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Settings;

/// What one permit stands for.
const UNIT_BYTES: usize = 1024;

/// Both pots of an application.
pub(crate) struct BodyMemory {
    pub(crate) received: Arc<Semaphore>,
    pub(crate) parsed: Arc<Semaphore>,
    /// How much either holds.
    pub(crate) units: u32,
    pub(crate) longest_wait: Duration,
}

/// The bytes that are counted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemoryInUse {
    pub(crate) received: u64,
    pub(crate) parsed: u64,
    pub(crate) limit: u64,
}

impl BodyMemory {
    pub(crate) fn new(settings: &Settings) -> Self {
        let units = units(settings.bodies_limit).max(1);
        let pot = || Arc::new(Semaphore::new(units as usize));
        Self {
            received: pot(),
            parsed: pot(),
            units,
            longest_wait: settings.queue_wait,
        }
    }

    pub(crate) fn held(&self) -> MemoryInUse {
        let bytes = |units: usize| units as u64 * UNIT_BYTES as u64;
        let held = |pot: &Semaphore| bytes(self.units as usize - pot.available_permits());
        MemoryInUse {
            received: held(&self.received),
            parsed: held(&self.parsed),
            limit: bytes(self.units as usize),
        }
    }
}

impl fmt::Debug for BodyMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.held().fmt(f)
    }
}

/// How many permits so many bytes take.
pub(crate) fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX)
}

/// Reservation that one request holds; dropped, it is free.
#[derive(Debug, Default)]
pub(crate) struct Reservation {
    pub(crate) received: Option<OwnedSemaphorePermit>,
    pub(crate) parsed: Option<OwnedSemaphorePermit>,
}

impl Reservation {
    fn is_none(&self) -> bool {
        self.received.is_none() && self.parsed.is_none()
    }

    fn add(&mut self, more: Self) {
        merge(&mut self.received, more.received);
        merge(&mut self.parsed, more.parsed);
    }

    /// Bytes that hold this reservation as long as they are there.
    #[cfg_attr(
        not(feature = "multipart"),
        allow(dead_code, reason = "fields of multipart bodies hold it")
    )]
    pub(crate) fn around(self, bytes: Bytes) -> Bytes {
        struct Roomed {
            bytes: Bytes,
            _room: Reservation,
        }
        impl AsRef<[u8]> for Roomed {
            fn as_ref(&self) -> &[u8] {
                &self.bytes
            }
        }
        if self.is_none() {
            return bytes;
        }
        Bytes::from_owner(Roomed { bytes, _room: self })
    }
}

pub(crate) fn merge(held: &mut Option<OwnedSemaphorePermit>, more: Option<OwnedSemaphorePermit>) {
    match (held.as_mut(), more) {
        (Some(held), Some(more)) => held.merge(more),
        (None, Some(more)) => *held = Some(more),
        (_, None) => {}
    }
}

/// A reservation that everything shares which works on one request. Few requests have a
/// body that needs one.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedReservation(Option<Arc<Mutex<Reservation>>>);

impl SharedReservation {
    /// Empty, to be filled through a clone of it.
    pub(crate) fn shared() -> Self {
        Self(Some(Arc::default()))
    }

    pub(crate) fn put(&mut self, room: Reservation) {
        if room.is_none() {
            return;
        }
        let kept = self.0.get_or_insert_default();
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.add(room);
    }
}
