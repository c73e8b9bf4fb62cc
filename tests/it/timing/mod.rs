//! What only a clock shows. These tests have margins of real time: one that fails on a
//! machine that is busy with other work may pass there alone. All other tests wait for
//! what they need, however long it takes.

mod grace;
mod measuring;
mod neighbours;
mod queue_wait;
pub(crate) mod slow_clients;
