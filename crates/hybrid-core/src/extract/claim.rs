//! The claim of a body on the memory for bodies, while it is received and parsed.

use std::{sync::Arc, time::Duration};

use hybrid_engine::{clock, deadline::with_deadline, telemetry::Shed};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    context::{BodyMemory, Parts, Reservation, Running, ServerContext, merge, units},
    extract::BodyPlan,
    head::Route,
    problem::Problem,
};

/// A body within this many bytes is not counted.
const UNCOUNTED_BYTES_MAX: usize = 16 * 1024;

/// Bytes by which the reservation grows of a body whose length is not known.
const STEP_BYTES: usize = 64 * 1024;

/// How often the bytes of a body are counted that is parsed at once: what values of JSON
/// take of their text, and the texts of a form beside it.
const fn factor(plan: BodyPlan) -> usize {
    match plan {
        BodyPlan::Json => 5,
        BodyPlan::Form => 2,
        BodyPlan::Raw | BodyPlan::Own(_) => 0,
    }
}

/// What a body takes up while it is received.
pub(crate) struct Claim<'a> {
    /// Whose bodies these are; without an application nothing is counted.
    counted: Option<(&'a ServerContext, &'a Route)>,
    /// Bytes that have their room.
    covered: usize,
    /// How long it may still wait, in all.
    patience: Duration,
    room: Reservation,
}

impl<'a> Claim<'a> {
    fn new(counted: Option<(&'a ServerContext, &'a Route)>) -> Self {
        let bodies = counted.map(|(context, _)| context.body_memory());
        Self {
            counted,
            covered: UNCOUNTED_BYTES_MAX,
            patience: bodies.map_or(Duration::ZERO, |bodies| bodies.longest_wait),
            room: Reservation::default(),
        }
    }

    /// Of that request.
    pub(crate) fn of(parts: &'a Parts) -> Self {
        Self::new(Some((&parts.context, parts.matched_route())))
    }

    /// Of what runs, if it is known.
    pub(crate) fn of_running(running: Option<&'a Running>) -> Self {
        Self::new(running.map(|running| (&*running.context, &**running.route())))
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
    pub(crate) fn into_room(self) -> Reservation {
        self.room
    }

    /// Waits for room up to so many units, of which some are held. What is larger than the
    /// pot takes all of it.
    async fn wait_for(
        &mut self,
        pot: fn(&BodyMemory) -> &Arc<Semaphore>,
        wanted: u32,
        held: u32,
    ) -> Result<Option<OwnedSemaphorePermit>, Problem> {
        let Some((context, route)) = self.counted else {
            return Ok(None);
        };
        let bodies = context.body_memory();
        let missing = wanted.min(bodies.units).saturating_sub(held);
        let pot = pot(bodies);
        if let Ok(room) = Arc::clone(pot).try_acquire_many_owned(missing) {
            return Ok(Some(room));
        }
        let began = clock::now();
        let until = began + self.patience;
        let room = with_deadline(Some(until), Arc::clone(pot).acquire_many_owned(missing)).await;
        self.patience = self.patience.saturating_sub(clock::now() - began);
        match room {
            Some(Ok(room)) => Ok(Some(room)),
            _ => {
                context.telemetry().shed(&route.class, Shed::Bodies);
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
