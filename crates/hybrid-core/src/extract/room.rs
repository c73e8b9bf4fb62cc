//! Room in memory for the bodies of requests: the bound that `bodies_limit` is.
//!
//! There are two pots of that size. What is received is counted in the first as soon as
//! more than [`UNCOUNTED_BYTES_MAX`] of it have come: by the length that was
//! announced, at once, so that bodies which grow side by side do not wait for each
//! other; by what has come where no length is known. What is parsed of it is
//! counted in the second, by a factor, when the body is complete. A body waits for the
//! second while it holds room in the first, and never the other way round.
//!
//! Room is free again when the job ends that works on the body, not when its client
//! leaves: it is kept with the request's [`Parts`], and by what runs on the pool.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    app::Frozen,
    config::Settings,
    dispatch::{Running, within::within},
    extract::BodyPlan,
    head::Parts,
    problem::Problem,
    router::Route,
    telemetry::{Shed, clock},
};

/// A body within this many bytes is not counted.
const UNCOUNTED_BYTES_MAX: usize = 16 * 1024;

/// Bytes by which the room grows of a body whose length is not known.
const STEP_BYTES: usize = 64 * 1024;

/// What one permit stands for.
const UNIT_BYTES: usize = 1024;

/// Both pots of an application.
pub(crate) struct Bodies {
    received: Arc<Semaphore>,
    parsed: Arc<Semaphore>,
    /// How much either holds.
    units: u32,
    longest_wait: Duration,
}

/// The bytes that are counted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) received: u64,
    pub(crate) parsed: u64,
    pub(crate) limit: u64,
}

impl Bodies {
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

    pub(crate) fn held(&self) -> Held {
        let bytes = |units: usize| units as u64 * UNIT_BYTES as u64;
        let held = |pot: &Semaphore| bytes(self.units as usize - pot.available_permits());
        Held {
            received: held(&self.received),
            parsed: held(&self.parsed),
            limit: bytes(self.units as usize),
        }
    }
}

impl fmt::Debug for Bodies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.held().fmt(f)
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX)
}

/// How often the bytes of a body are counted that is parsed at once: what values of JSON
/// take of their text, and the texts of a form beside it.
const fn factor(plan: BodyPlan) -> usize {
    match plan {
        BodyPlan::Json => 5,
        BodyPlan::Form => 2,
        BodyPlan::Raw | BodyPlan::Own(_) => 0,
    }
}

/// Room that one request holds; dropped, it is free.
#[derive(Debug, Default)]
pub(crate) struct Room {
    received: Option<OwnedSemaphorePermit>,
    parsed: Option<OwnedSemaphorePermit>,
}

impl Room {
    fn is_none(&self) -> bool {
        self.received.is_none() && self.parsed.is_none()
    }

    fn add(&mut self, more: Self) {
        merge(&mut self.received, more.received);
        merge(&mut self.parsed, more.parsed);
    }

    /// Bytes that hold this room as long as they are there.
    pub(crate) fn around(self, bytes: Bytes) -> Bytes {
        struct Roomed {
            bytes: Bytes,
            _room: Room,
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

fn merge(held: &mut Option<OwnedSemaphorePermit>, more: Option<OwnedSemaphorePermit>) {
    match (held.as_mut(), more) {
        (Some(held), Some(more)) => held.merge(more),
        (None, Some(more)) => *held = Some(more),
        (_, None) => {}
    }
}

/// Room that is kept by all who work on one request. Few have a body that needs any.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept(Option<Arc<Mutex<Room>>>);

impl Kept {
    /// To be filled by somebody else who gets a clone of it.
    pub(crate) fn shared() -> Self {
        Self(Some(Arc::default()))
    }

    pub(crate) fn put(&mut self, room: Room) {
        if room.is_none() {
            return;
        }
        let kept = self.0.get_or_insert_default();
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.add(room);
    }
}

/// What a body takes up while it is received.
pub(crate) struct Claim<'a> {
    /// Whose bodies these are; without an application nothing is counted.
    counted: Option<(&'a Frozen, &'a Route)>,
    /// Bytes that have their room.
    covered: usize,
    /// How long it may still wait, in all.
    patience: Duration,
    room: Room,
}

impl<'a> Claim<'a> {
    fn new(counted: Option<(&'a Frozen, &'a Route)>) -> Self {
        let bodies = counted.map(|(app, _)| app.bodies());
        Self {
            counted,
            covered: UNCOUNTED_BYTES_MAX,
            patience: bodies.map_or(Duration::ZERO, |bodies| bodies.longest_wait),
            room: Room::default(),
        }
    }

    /// Of that request.
    pub(crate) fn of(parts: &'a Parts) -> Self {
        Self::new(Some((&parts.app, parts.taken_by())))
    }

    /// Of what runs, if it is known.
    pub(crate) fn of_running(running: Option<&'a Running>) -> Self {
        Self::new(running.map(|running| (&*running.app, &**running.route())))
    }

    /// Of what is no request's body.
    pub(crate) fn uncounted() -> Self {
        Self::new(None)
    }

    /// Waits for room for so many bytes of a body that have come, of so many that were
    /// announced.
    ///
    /// # Errors
    /// 503 where there is none within `queue_wait`.
    pub(crate) async fn cover(
        &mut self,
        bytes: usize,
        announced: Option<u64>,
    ) -> Result<(), Problem> {
        if bytes <= self.covered {
            return Ok(());
        }
        let announced = announced.and_then(|bytes| usize::try_from(bytes).ok());
        let whole = announced.map_or(bytes.next_multiple_of(STEP_BYTES), |all| all.max(bytes));
        self.covered = whole;
        let held = self.room.received.as_ref();
        let held = held.map_or(0, |held| count(held.num_permits()));
        // Boxed: few bodies need any room.
        let room = Box::pin(self.wait_for(|bodies| &bodies.received, units(whole), held)).await?;
        merge(&mut self.room.received, room);
        Ok(())
    }

    /// Waits for room for what is parsed of a body.
    ///
    /// # Errors
    /// As [`cover`](Self::cover).
    pub(crate) async fn parse(&mut self, plan: BodyPlan, bytes: usize) -> Result<(), Problem> {
        let all = bytes.saturating_mul(factor(plan));
        if bytes <= UNCOUNTED_BYTES_MAX || all == 0 {
            return Ok(());
        }
        let room = Box::pin(self.wait_for(|bodies| &bodies.parsed, units(all), 0)).await?;
        merge(&mut self.room.parsed, room);
        Ok(())
    }

    /// What was claimed.
    pub(crate) fn into_room(self) -> Room {
        self.room
    }

    /// Waits for room up to so many units, of which some are held. What is larger than the
    /// pot takes all of it.
    async fn wait_for(
        &mut self,
        pot: fn(&Bodies) -> &Arc<Semaphore>,
        wanted: u32,
        held: u32,
    ) -> Result<Option<OwnedSemaphorePermit>, Problem> {
        let Some((app, route)) = self.counted else {
            return Ok(None);
        };
        let bodies = app.bodies();
        let missing = wanted.min(bodies.units).saturating_sub(held);
        let pot = pot(bodies);
        if let Ok(room) = Arc::clone(pot).try_acquire_many_owned(missing) {
            return Ok(Some(room));
        }
        let began = clock::now();
        let until = began + self.patience;
        let room = within(Some(until), Arc::clone(pot).acquire_many_owned(missing)).await;
        self.patience = self.patience.saturating_sub(clock::now() - began);
        match room {
            Some(Ok(room)) => Ok(Some(room)),
            _ => {
                app.telemetry().shed(&route.class, Shed::Bodies);
                let detail = "the bodies of other requests take all the memory that they may";
                Err(Problem::overloaded(detail))
            }
        }
    }
}

/// The pots hold no more than fits.
fn count(permits: usize) -> u32 {
    u32::try_from(permits).unwrap_or(u32::MAX)
}
