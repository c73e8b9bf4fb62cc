//! The life of a ticket: a job for a pool thread, from the event loop that queues it to
//! the thread that runs it.
//!
//! One word of shared state decides which side owns the work. Every change is one
//! compare-and-swap, so a ticket runs or is given up, never both:
//!
//! ```text
//! WAITING ──a worker takes it──▶ RUNNING ──it ends──▶ DONE
//!    │                              │
//!    │ deadline, queue_wait,        │ deadline or the
//!    │ or the client left           │ client left
//!    ▼                              ▼
//! GIVEN_UP                       ORPHANED ──it ends──▶ DONE
//! ```
//!
//! A ticket that was given up never runs. A ticket that runs keeps what it owns
//! (its thread, its `max_concurrency` permit) until it ends: a timeout answers
//! 504 and frees nothing. Orphans are counted.

use std::sync::Arc;

use crate::sync::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

const WAITING: u8 = 0;
const RUNNING: u8 = 1;
const ORPHANED: u8 = 2;
const DONE: u8 = 3;
const GIVEN_UP: u8 = 4;

/// What the loop and the worker share of one ticket.
#[derive(Debug)]
pub struct Ticket {
    state: AtomicU8,
    cancelled: AtomicBool,
    orphans: Arc<AtomicUsize>,
}

/// Where a ticket was when its waiter let go of it.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum LetGo {
    /// It had not started, and never will.
    NeverRuns,
    /// It runs on, as an orphan.
    Orphaned,
    /// It had ended already.
    Ended,
}

impl Ticket {
    /// A ticket that waits. `orphans` counts those that run without a waiter.
    #[must_use]
    pub fn new(orphans: Arc<AtomicUsize>) -> Self {
        Self {
            state: AtomicU8::new(WAITING),
            cancelled: AtomicBool::new(false),
            orphans,
        }
    }

    /// The worker's claim. `false`: it was given up, and must not run.
    pub fn start(&self) -> bool {
        self.swap(WAITING, RUNNING)
    }

    /// The worker has run it.
    pub fn end(&self) {
        // Acquire pairs with the release in `let_go`: the count of orphans that
        // the waiter raised is seen before it is lowered.
        if self.state.swap(DONE, Ordering::AcqRel) == ORPHANED {
            self.orphans.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Gives up a ticket that has not started. `false`: it has, and goes on.
    pub fn give_up(&self) -> bool {
        self.swap(WAITING, GIVEN_UP)
    }

    /// The waiter leaves: it does not take a result any more.
    pub fn let_go(&self) -> LetGo {
        if self.give_up() {
            return LetGo::NeverRuns;
        }
        // Raised first, so that `end` never lowers what was not raised.
        self.orphans.fetch_add(1, Ordering::Relaxed);
        if self.swap(RUNNING, ORPHANED) {
            return LetGo::Orphaned;
        }
        self.orphans.fetch_sub(1, Ordering::Relaxed);
        LetGo::Ended
    }

    /// Whether a worker has taken it.
    pub fn has_started(&self) -> bool {
        self.state.load(Ordering::Acquire) != WAITING
    }

    /// Tells the handler's [`Cancel`].
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    fn swap(&self, from: u8, to: u8) -> bool {
        // AcqRel pairs with itself: each side sees what the other did before its
        // own change of the state.
        self.state
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

/// Tells whether the response is still wanted: an argument of a plain `fn`.
///
/// Set at the deadline, and when the client leaves a class with
/// `on_disconnect = cancel`. A thread cannot be stopped from outside; a long
/// computation that asks now and then stops itself.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    ticket: Option<Arc<Ticket>>,
}

impl Cancel {
    #[doc(hidden)]
    #[must_use]
    pub fn of(ticket: Arc<Ticket>) -> Self {
        Self {
            ticket: Some(ticket),
        }
    }

    #[doc(hidden)]
    #[must_use]
    pub fn ticket(&self) -> Option<&Arc<Ticket>> {
        self.ticket.as_ref()
    }

    /// Whether no caller waits for the result any more.
    ///
    /// Always `false` in an `async fn`: its future is dropped instead.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.ticket
            .as_ref()
            .is_some_and(|ticket| ticket.cancelled.load(Ordering::Relaxed))
    }
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests {
    use super::*;

    fn ticket() -> (Ticket, Arc<AtomicUsize>) {
        let orphans = Arc::new(AtomicUsize::new(0));
        (Ticket::new(Arc::clone(&orphans)), orphans)
    }

    #[test]
    fn a_ticket_that_was_given_up_never_starts() {
        let (ticket, orphans) = ticket();
        assert_eq!(ticket.let_go(), LetGo::NeverRuns);
        assert!(!ticket.start());
        assert_eq!(orphans.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn an_orphan_is_counted_until_it_ends() {
        let (ticket, orphans) = ticket();
        assert!(ticket.start());
        assert_eq!(ticket.let_go(), LetGo::Orphaned);
        assert_eq!(orphans.load(Ordering::Relaxed), 1);
        ticket.end();
        assert_eq!(orphans.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_ticket_that_ended_is_no_orphan() {
        let (ticket, orphans) = ticket();
        assert!(ticket.start());
        ticket.end();
        assert_eq!(ticket.let_go(), LetGo::Ended);
        assert_eq!(orphans.load(Ordering::Relaxed), 0);
    }
}

/// Every interleaving of a worker and a waiter. Run with
/// `RUSTFLAGS="--cfg hybrid_loom" cargo test -p hybrid-engine --lib loom`.
#[cfg(all(test, hybrid_loom))]
mod loom_tests {
    use super::*;
    use crate::sync::Mutex;

    /// The steps of a worker and of a waiter around the work and the reply slot, in
    /// the order in which `on_pool` takes them.
    #[test]
    fn loom_the_work_is_taken_once_and_an_answer_is_heard_or_dropped() {
        loom::model(|| {
            let ticket = loom::sync::Arc::new(Ticket::new(Arc::default()));
            let work = loom::sync::Arc::new(Mutex::new(Some("work")));
            let reply = loom::sync::Arc::new(Mutex::new(None));
            let take = |work: &Mutex<Option<&'static str>>| work.lock().expect("no panic").take();
            let worker = loom::thread::spawn({
                let ticket = loom::sync::Arc::clone(&ticket);
                let (work, reply) = (
                    loom::sync::Arc::clone(&work),
                    loom::sync::Arc::clone(&reply),
                );
                move || {
                    if !ticket.start() {
                        return;
                    }
                    let taken = take(&work).expect("the side that starts finds the work");
                    ticket.end();
                    *reply.lock().expect("no panic") = Some(taken);
                }
            });
            let heard = reply.lock().expect("no panic").take();
            if heard.is_none() && ticket.let_go() == LetGo::NeverRuns {
                assert!(
                    take(&work).is_some(),
                    "the side that gives up finds the work"
                );
            }
            worker.join().expect("the worker does not panic");
            assert!(take(&work).is_none());
        });
    }

    #[test]
    fn loom_a_ticket_runs_or_is_given_up_and_no_orphan_is_left() {
        loom::model(|| {
            let orphans = Arc::new(AtomicUsize::new(0));
            let ticket = loom::sync::Arc::new(Ticket::new(Arc::clone(&orphans)));
            let worker = loom::thread::spawn({
                let ticket = loom::sync::Arc::clone(&ticket);
                move || {
                    let ran = ticket.start();
                    if ran {
                        ticket.end();
                    }
                    ran
                }
            });
            let let_go = ticket.let_go();
            let ran = worker.join().expect("the worker does not panic");
            assert_eq!(ran, let_go != LetGo::NeverRuns);
            assert_eq!(orphans.load(Ordering::Relaxed), 0);
        });
    }
}
