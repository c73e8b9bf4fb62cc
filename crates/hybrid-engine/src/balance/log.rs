//! What the balancer says in the log: one line a move, a stall, a burst of
//! refusals. Of each class at most one line a second of a kind; what was left out
//! is counted in the next.

use std::time::Duration;

use super::{snapshot::Move, stall_watch::HeldThread};
use crate::{class::Class, clock::Instant};

const ONCE_IN: Duration = Duration::from_secs(1);

/// Lines about one application.
pub(super) struct Log {
    names: Vec<Name>,
}

/// How a class is called in the log. Copied, so that its states are not held.
struct Name {
    methods: String,
    path: String,
    handler: &'static str,
    place: String,
    stalls: LineLimit,
    pub(super) sheds: LineLimit,
}

/// When a line was written, and what was left out since.
#[derive(Default)]
pub(super) struct LineLimit {
    at: Option<Instant>,
    left_out: u32,
}

impl LineLimit {
    /// What was left out since the last line, if it is time for another.
    pub(super) fn is_due(&mut self, now: Instant) -> Option<u32> {
        if self
            .at
            .is_some_and(|at| now.saturating_duration_since(at) < ONCE_IN)
        {
            self.left_out += 1;
            return None;
        }
        self.at = Some(now);
        Some(std::mem::take(&mut self.left_out))
    }
}

impl Log {
    pub(super) fn new<'a>(classes: impl IntoIterator<Item = &'a Class>) -> Self {
        let name = |class: &Class| Name {
            methods: class.variants.join(","),
            path: class.name.clone(),
            handler: class.function,
            place: format!("{}:{}", class.file, class.line),
            stalls: LineLimit::default(),
            sheds: LineLimit::default(),
        };
        Self {
            names: classes.into_iter().map(name).collect(),
        }
    }

    /// A handler holds its loop, now.
    pub(super) fn holds(&mut self, held: &HeldThread, now: Instant) {
        let Some(name) = self.names.get_mut(held.class) else {
            return;
        };
        let Some(left_out) = name.stalls.is_due(now) else {
            return;
        };
        let held_ms = held.time.as_millis();
        let what = if held.is_confined {
            "a handler holds its thread in quarantine"
        } else {
            "a handler holds its event loop: put what computes or blocks into \
             `hybrid::run_on_pool(..).await`, or write a plain `fn`"
        };
        tracing::warn!(
            target: "hybrid::balancer",
            route = name.path,
            methods = name.methods,
            handler = name.handler,
            place = name.place,
            held_ms,
            left_out,
            "{what}"
        );
    }

    /// A class was moved, or would be.
    pub(super) fn moved(&self, moved: &Move, is_made: bool) {
        let Some(name) = self.names.get(moved.class) else {
            return;
        };
        let (from, to, why) = (moved.from.as_str(), moved.to.as_str(), &moved.why);
        let what = if is_made { "moved" } else { "would move" };
        tracing::info!(
            target: "hybrid::balancer",
            route = name.path,
            methods = name.methods,
            handler = name.handler,
            from,
            to,
            why,
            "{what}"
        );
    }

    /// Advice that is new.
    pub(super) fn advises(&self, class: usize, advice: &str) {
        let Some(name) = self.names.get(class) else {
            return;
        };
        tracing::info!(
            target: "hybrid::balancer",
            route = name.path,
            methods = name.methods,
            handler = name.handler,
            place = name.place,
            advice,
            "advice"
        );
    }

    /// Requests of a class were refused, if it is time to say so.
    pub(super) fn sheds(
        &mut self,
        class: usize,
        now: Instant,
        counts: impl FnOnce() -> String,
    ) -> bool {
        let Some(name) = self.names.get_mut(class) else {
            return false;
        };
        if name.sheds.is_due(now).is_none() {
            return false;
        }
        let refused = counts();
        tracing::warn!(
            target: "hybrid::balancer",
            route = name.path,
            methods = name.methods,
            handler = name.handler,
            refused,
            "requests are refused"
        );
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn one_line_a_second_counts_the_others() {
        let mut pace = LineLimit::default();
        let start = clock::now();
        let due: Vec<_> = [0, 10, 900, 1_000, 1_999, 2_000]
            .map(|ms| pace.is_due(start + Duration::from_millis(ms)))
            .into();
        assert_eq!(due, [Some(0), None, None, Some(2), None, Some(1)]);
    }
}
