//! Handlers that wait until the test lets them go on.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Condvar, Mutex},
};

use hybrid::{Cancel, Next, Request, Response};
use tokio::sync::watch;

use super::{PATIENCE, eventually};

/// A door in front of handlers: a test sees how many stand before it, and opens
/// it. Shared as a state.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Inner>);

struct Inner {
    counts: Mutex<Counts>,
    changed: Condvar,
    open: watch::Sender<bool>,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            counts: Mutex::default(),
            changed: Condvar::new(),
            open: watch::Sender::new(false),
        }
    }
}

/// What happened at a gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Handlers that began.
    pub(crate) begun: usize,
    /// Handlers that went through, or that were dropped.
    pub(crate) ended: usize,
    /// The most that stood at the gate at once.
    pub(crate) most: usize,
    /// Plain handlers that were told to cancel.
    pub(crate) cancelled: usize,
    /// Async handlers that were dropped before they went through.
    pub(crate) dropped: usize,
    /// Requests that were dropped before they were answered.
    pub(crate) left: usize,
    /// Guards that let a request through.
    pub(crate) guarded: usize,
    open: bool,
}

impl Gate {
    pub(crate) fn counts(&self) -> Counts {
        *self.0.counts.lock().unwrap()
    }

    pub(crate) fn open(&self) {
        self.note(|counts| counts.open = true);
        self.0.open.send_replace(true);
    }

    pub(crate) fn note(&self, f: impl FnOnce(&mut Counts)) {
        f(&mut self.0.counts.lock().unwrap());
        self.0.changed.notify_all();
    }

    /// Waits for something to have happened.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: impl Fn(&Counts) -> bool) {
        let counts = self.0.counts.lock().unwrap();
        let waited = self
            .0
            .changed
            .wait_timeout_while(counts, PATIENCE, |counts| !what(counts));
        let (counts, timeout) = waited.unwrap();
        assert!(!timeout.timed_out(), "it never happened: {counts:?}");
    }

    /// Waits for something to have happened, inside a runtime.
    pub(crate) async fn reached(&self, what: impl Fn(&Counts) -> bool + Send + 'static) {
        let gate = self.clone();
        tokio::task::spawn_blocking(move || gate.wait_for(what))
            .await
            .unwrap();
    }

    fn begin(&self) {
        self.note(|counts| {
            counts.begun += 1;
            counts.most = counts.most.max(counts.begun - counts.ended);
        });
    }

    /// A plain handler stands here until the gate opens.
    pub(crate) fn stand(&self) {
        self.begin();
        self.wait_for(|counts| counts.open);
        self.note(|counts| counts.ended += 1);
    }

    /// A plain handler stands here until the gate opens, and notes whether it was
    /// told to cancel meanwhile.
    pub(crate) fn stand_asking(&self, cancel: &Cancel) {
        self.begin();
        let mut told = false;
        eventually("the gate is open", || {
            if cancel.is_cancelled() && !std::mem::replace(&mut told, true) {
                self.note(|counts| counts.cancelled += 1);
            }
            self.counts().open
        });
        self.note(|counts| counts.ended += 1);
    }

    /// Notes something when it is dropped.
    pub(crate) fn on_drop(&self, note: fn(&mut Counts)) -> OnDrop {
        OnDrop(self.clone(), note)
    }

    /// An async handler stands here until the gate opens.
    pub(crate) async fn stand_async(&self) {
        self.begin();
        let ended = OnDrop(self.clone(), |counts| counts.ended += 1);
        let dropped = OnDrop(self.clone(), |counts| counts.dropped += 1);
        let mut open = self.0.open.subscribe();
        open.wait_for(|open| *open).await.unwrap();
        dropped.disarm();
        drop(ended);
    }

    /// A middleware that notes requests whose client left before the answer.
    pub(crate) fn noting_who_leaves(
        &self,
    ) -> impl Fn(Request, Next) -> Passing + Send + Sync + 'static {
        let gate = self.clone();
        move |request, next| {
            let left = OnDrop(gate.clone(), |counts| counts.left += 1);
            Box::pin(async move {
                let response = next.run(request).await;
                left.disarm();
                response
            })
        }
    }
}

type Passing = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Notes something when it is dropped.
pub(crate) struct OnDrop(Gate, fn(&mut Counts));

impl OnDrop {
    fn disarm(mut self) {
        self.1 = |_| ();
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.note(self.1);
    }
}
