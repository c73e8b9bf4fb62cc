//! Calls that ended their workers: the very same call is not tried a third time.
//!
//! A call is its identity, which the caller hashes, and its body. A hash of both with a
//! random key is kept, and never the call itself. A call that ends its worker twice
//! within a minute is refused for a minute after the last time. Every call asks
//! [`Poison::suspects`]: that is one load as long as no worker died, and one hash of the
//! identity and two loads after that. Bodies are hashed only for identities that ended a
//! worker before.
//!
//! A client that changes a byte of its request is not recognised here. The pauses
//! between failed starts bound what such requests cost.

use std::{
    collections::VecDeque,
    hash::{BuildHasher as _, DefaultHasher, Hasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;

use crate::{
    clock::Instant,
    sync::{AtomicU64, AtomicUsize, Ordering},
};

/// For how long a death is remembered, and for how long a request is refused.
const MEMORY: Duration = Duration::from_secs(60);
/// So many deaths within that, and it is refused.
const DEATHS_MAX: u32 = 2;
/// So many calls are remembered: 40 KiB.
const NOTED_MAX: usize = 1024;
/// So many words of marks: 16 marks for each call, so that an identity that ended no
/// worker rarely has one.
const WORDS: usize = NOTED_MAX * 16 / 64;

/// The calls that ended workers of late.
pub(super) struct Poison {
    keys: RandomState,
    /// How many calls are in `noted`.
    count: AtomicUsize,
    /// A mark for the identity of each of them; identities may share one.
    marks: Box<[AtomicU64]>,
    /// By their last death, the oldest first: so they are forgotten from the front.
    noted: Mutex<VecDeque<Noted>>,
}

/// A call that ended its worker.
struct Noted {
    /// Hash of all of it.
    call: u64,
    identity: u64,
    deaths: u32,
    last: Instant,
}

impl Poison {
    pub(super) fn new() -> Self {
        Self {
            keys: RandomState::new(),
            count: AtomicUsize::new(0),
            marks: (0..WORDS).map(|_| AtomicU64::new(0)).collect(),
            noted: Mutex::default(),
        }
    }

    /// Hashes the identity of a call so far.
    pub(super) fn identity(&self, hash: impl FnOnce(&mut dyn Hasher)) -> Identity {
        let mut hasher = self.keys.build_hasher();
        hash(&mut hasher);
        Identity(hasher)
    }

    /// The identity of a call that may have ended a worker, so that its body is worth
    /// a hash: `None` is certain, `Some` is not.
    pub(super) fn suspects(&self, hash: impl FnOnce(&mut dyn Hasher)) -> Option<Identity> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let identity = self.identity(hash);
        let (word, bit) = mark(identity.0.finish());
        (self.marks[word].load(Ordering::Relaxed) & bit != 0).then_some(identity)
    }

    /// For how long yet this call is refused; its body in pieces, however cut.
    pub(super) fn is_refused(
        &self,
        identity: &Identity,
        body: &[Bytes],
        now: Instant,
    ) -> Option<Duration> {
        let call = identity.with_body(body);
        let mut noted = self.lock();
        self.forget(&mut noted, now);
        let found = noted.iter().find(|noted| noted.call == call)?;
        let left = MEMORY.saturating_sub(now.saturating_duration_since(found.last));
        (found.deaths >= DEATHS_MAX && !left.is_zero()).then_some(left)
    }

    /// Notes that this call ended its worker.
    pub(super) fn note(&self, identity: &Identity, body: &[Bytes], now: Instant) {
        let call = identity.with_body(body);
        let identity = identity.0.finish();
        let mut noted = self.lock();
        self.forget(&mut noted, now);
        let before = noted.iter().position(|noted| noted.call == call);
        let before = before.and_then(|at| noted.remove(at));
        if noted.len() == NOTED_MAX {
            noted.pop_front();
            self.mark_all(&noted);
        }
        noted.push_back(Noted {
            call,
            identity,
            deaths: before.map_or(0, |before| before.deaths).saturating_add(1),
            last: now,
        });
        let (word, bit) = mark(identity);
        self.marks[word].fetch_or(bit, Ordering::Relaxed);
        self.count.store(noted.len(), Ordering::Relaxed);
    }

    /// Forgets the calls whose last death is too long ago to count.
    fn forget(&self, noted: &mut VecDeque<Noted>, now: Instant) {
        let is_old = |noted: &Noted| now.saturating_duration_since(noted.last) >= MEMORY;
        let before = noted.len();
        while noted.front().is_some_and(is_old) {
            noted.pop_front();
        }
        if noted.len() != before {
            self.mark_all(noted);
            self.count.store(noted.len(), Ordering::Relaxed);
        }
    }

    /// Makes the marks anew. A thread that reads meanwhile sees the old or the new
    /// value of each word, and both hold the identities that stay.
    fn mark_all(&self, noted: &VecDeque<Noted>) {
        let mut marks = [0; WORDS];
        for noted in noted {
            let (word, bit) = mark(noted.identity);
            marks[word] |= bit;
        }
        for (word, bits) in self.marks.iter().zip(marks) {
            word.store(bits, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Noted>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The identity of a call: the hash of it, so far.
pub(super) struct Identity(DefaultHasher);

impl Identity {
    /// The hash of identity and body. That a hasher takes two pieces for their
    /// concatenation is not promised by the standard library, so a test asserts it.
    fn with_body(&self, body: &[Bytes]) -> u64 {
        let mut hasher = self.0.clone();
        body.iter().for_each(|piece| hasher.write(piece));
        hasher.write_usize(body.iter().map(Bytes::len).sum());
        hasher.finish()
    }
}

/// Where the mark of an identity is: in which word, which bit.
fn mark(identity: u64) -> (usize, u64) {
    let at = identity % (WORDS as u64 * 64);
    ((at / 64) as usize, 1 << (at % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    static BODY: [Bytes; 1] = [Bytes::from_static(b"body")];

    impl Poison {
        fn of(&self, name: &str) -> Identity {
            self.identity(|hasher| hasher.write(name.as_bytes()))
        }

        fn is_suspect(&self, name: &str) -> bool {
            self.suspects(|hasher| hasher.write(name.as_bytes()))
                .is_some()
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_second_death_within_a_minute_is_refused_for_a_minute() {
        let (poison, start) = (Poison::new(), clock::now());
        assert!(!poison.is_suspect("a"));

        poison.note(&poison.of("a"), &BODY, start);
        assert!(poison.is_suspect("a"));
        assert_eq!(poison.is_refused(&poison.of("a"), &BODY, start), None);

        let second = start + seconds(59);
        poison.note(&poison.of("a"), &BODY, second);
        let refused = |later| poison.is_refused(&poison.of("a"), &BODY, second + seconds(later));
        assert_eq!(refused(0), Some(seconds(60)));
        assert_eq!(refused(59), Some(seconds(1)));
        assert_eq!(refused(60), None);
        assert!(!poison.is_suspect("a"), "it is forgotten");
        assert_eq!(poison.count.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn deaths_a_minute_apart_are_not_counted_together() {
        let (poison, start) = (Poison::new(), clock::now());
        for minute in 0..3 {
            let now = start + seconds(60 * minute);
            poison.note(&poison.of("a"), &BODY, now);
            assert_eq!(poison.is_refused(&poison.of("a"), &BODY, now), None);
        }
    }

    #[test]
    fn only_the_very_same_call_is_refused() {
        let (poison, now) = (Poison::new(), clock::now());
        poison.note(&poison.of("a"), &BODY, now);
        poison.note(&poison.of("a"), &BODY, now);
        let is_refused = |name: &str, body: &[Bytes]| {
            let identity = poison.of(name);
            poison.is_refused(&identity, body, now).is_some()
        };
        assert!(is_refused("a", &BODY));
        assert!(!is_refused("b", &BODY));
        assert!(!is_refused("a", &[Bytes::from_static(b"bodY")]));
        assert!(!is_refused("a", &[]));
        assert!(poison.is_suspect("a"), "the others were not forgotten");
    }

    #[test]
    fn how_a_body_is_cut_makes_no_difference() {
        let identity = Poison::new().of("a");
        let body: Bytes = (0..=255).cycle().take(999).collect();
        let whole = identity.with_body(std::slice::from_ref(&body));
        for at in 1..body.len() {
            let (left, right) = (body.slice(..at), body.slice(at..));
            let third = right.len() / 3;
            let pieces = [
                left,
                Bytes::new(),
                right.slice(..third),
                right.slice(third..),
            ];
            assert_eq!(identity.with_body(&pieces), whole);
        }
        let bytes: Vec<Bytes> = (0..body.len()).map(|at| body.slice(at..=at)).collect();
        assert_eq!(identity.with_body(&bytes), whole);
        assert_ne!(identity.with_body(&[body.slice(1..)]), whole);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_oldest_goes() {
        let (poison, now) = (Poison::new(), clock::now());
        let name = |number: usize| format!("{number}");
        for number in 0..NOTED_MAX + 10 {
            for _ in 0..2 {
                poison.note(&poison.of(&name(number)), &[], now);
            }
        }
        let is_refused = |number| poison.is_refused(&poison.of(&name(number)), &[], now);
        assert_eq!(poison.lock().len(), NOTED_MAX);
        assert_eq!(is_refused(9), None);
        assert_eq!(is_refused(10), Some(seconds(60)));
        assert!((10..NOTED_MAX + 10).all(|number| poison.is_suspect(&name(number))));

        let strangers = (0..1000).filter(|number| poison.is_suspect(&format!("other {number}")));
        assert!(strangers.count() < 200, "most others are told apart");
    }

    #[test]
    fn a_clock_that_was_read_before_the_death_is_no_fault() {
        let (poison, now) = (Poison::new(), clock::now());
        poison.note(&poison.of("a"), &[], now + seconds(1));
        poison.note(&poison.of("a"), &[], now + seconds(1));
        assert_eq!(
            poison.is_refused(&poison.of("a"), &[], now),
            Some(seconds(60))
        );
    }
}
