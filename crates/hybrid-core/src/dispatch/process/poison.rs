//! Requests that killed their workers: the very same one is not tried a third time.
//!
//! A request is its method, its target and its body; of these a hash with a random
//! key is kept, and never the request. Whoever kills a worker twice within a minute
//! is refused for a minute after the last time. What is asked for every call
//! ([`Poison::suspects`]) is one load as long as nothing died, and one hash of the
//! head and two loads after that: bodies are hashed for heads that killed before.
//!
//! A client that changes a byte is not found out here: that its requests kill is
//! for the back-off of spawning to bear.

use std::{
    collections::VecDeque,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    sync::{AtomicU64, AtomicUsize, Ordering},
    telemetry::clock::Instant,
};

/// For how long a death is remembered, and for how long a request is refused.
const MEMORY: Duration = Duration::from_secs(60);
/// So many deaths within that, and it is refused.
const DEATHS_MAX: u32 = 2;
/// So many requests are remembered: 40 KiB.
const NOTED_MAX: usize = 1024;
/// So many words of marks: 16 marks for each request, so that a head that never
/// killed is rarely taken for one.
const WORDS: usize = NOTED_MAX * 16 / 64;

/// What killed workers of late.
pub(super) struct Poison {
    keys: RandomState,
    /// How many requests are in `noted`.
    count: AtomicUsize,
    /// A mark for the head of each of them; heads may share one.
    heads: Box<[AtomicU64]>,
    /// By their last death, the oldest first: so they are forgotten from the front.
    noted: Mutex<VecDeque<Noted>>,
}

/// A request that killed.
struct Noted {
    /// Hash of all of it.
    request: u64,
    /// Hash of method and target.
    head: u64,
    deaths: u32,
    last: Instant,
}

impl Poison {
    pub(super) fn new() -> Self {
        Self {
            keys: RandomState::new(),
            count: AtomicUsize::new(0),
            heads: (0..WORDS).map(|_| AtomicU64::new(0)).collect(),
            noted: Mutex::default(),
        }
    }

    /// Whether a request with this head may have killed, so that its body is worth
    /// a hash: `false` is certain, `true` is not.
    pub(super) fn suspects(&self, method: &str, target: &str) -> bool {
        if self.count.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let (word, bit) = mark(self.head(method, target).finish());
        self.heads[word].load(Ordering::Relaxed) & bit != 0
    }

    /// For how long yet this request is refused; its body in pieces, however cut.
    pub(super) fn is_refused(
        &self,
        method: &str,
        target: &str,
        body: &[&[u8]],
        now: Instant,
    ) -> Option<Duration> {
        let request = self.request(method, target, body);
        let mut noted = self.lock();
        self.forget(&mut noted, now);
        let found = noted.iter().find(|noted| noted.request == request)?;
        let left = MEMORY.saturating_sub(now.saturating_duration_since(found.last));
        (found.deaths >= DEATHS_MAX && !left.is_zero()).then_some(left)
    }

    /// Notes that this request killed its worker.
    pub(super) fn killed(&self, method: &str, target: &str, body: &[&[u8]], now: Instant) {
        let head = self.head(method, target).finish();
        let request = self.request(method, target, body);
        let mut noted = self.lock();
        self.forget(&mut noted, now);
        let before = noted.iter().position(|noted| noted.request == request);
        let before = before.and_then(|at| noted.remove(at));
        if noted.len() == NOTED_MAX {
            noted.pop_front();
            self.mark_all(&noted);
        }
        noted.push_back(Noted {
            request,
            head,
            deaths: before.map_or(0, |before| before.deaths).saturating_add(1),
            last: now,
        });
        let (word, bit) = mark(head);
        self.heads[word].fetch_or(bit, Ordering::Relaxed);
        self.count.store(noted.len(), Ordering::Relaxed);
    }

    /// Lets go of those whose last death is too long ago to count.
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

    /// Makes the marks anew. Whoever looks meanwhile sees the old ones or the new
    /// ones of each word, and both hold the heads that stay.
    fn mark_all(&self, noted: &VecDeque<Noted>) {
        let mut heads = [0; WORDS];
        for noted in noted {
            let (word, bit) = mark(noted.head);
            heads[word] |= bit;
        }
        for (word, bits) in self.heads.iter().zip(heads) {
            word.store(bits, Ordering::Relaxed);
        }
    }

    /// Method and target, hashed so far. No byte of either is 0xff, in UTF-8.
    fn head(&self, method: &str, target: &str) -> impl std::hash::Hasher {
        let mut hasher = self.keys.build_hasher();
        for part in [method, target] {
            hasher.write(part.as_bytes());
            hasher.write_u8(0xff);
        }
        hasher
    }

    /// All of a request. That a hasher takes two pieces for their concatenation is
    /// not promised by the standard library, so a test holds it to that.
    fn request(&self, method: &str, target: &str, body: &[&[u8]]) -> u64 {
        let mut hasher = self.head(method, target);
        body.iter().for_each(|piece| hasher.write(piece));
        hasher.write_usize(body.iter().map(|piece| piece.len()).sum());
        hasher.finish()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Noted>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the mark of a head is: in which word, which bit.
fn mark(head: u64) -> (usize, u64) {
    let at = head % (WORDS as u64 * 64);
    ((at / 64) as usize, 1 << (at % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::clock;

    const BODY: &[&[u8]] = &[b"body"];

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_second_death_within_a_minute_is_refused_for_a_minute() {
        let (poison, start) = (Poison::new(), clock::now());
        assert!(!poison.suspects("POST", "/a"));

        poison.killed("POST", "/a", BODY, start);
        assert!(poison.suspects("POST", "/a"));
        assert_eq!(poison.is_refused("POST", "/a", BODY, start), None);

        let second = start + seconds(59);
        poison.killed("POST", "/a", BODY, second);
        let refused = |later| poison.is_refused("POST", "/a", BODY, second + seconds(later));
        assert_eq!(refused(0), Some(seconds(60)));
        assert_eq!(refused(59), Some(seconds(1)));
        assert_eq!(refused(60), None);
        assert!(!poison.suspects("POST", "/a"), "it is forgotten");
        assert_eq!(poison.count.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn deaths_a_minute_apart_are_not_counted_together() {
        let (poison, start) = (Poison::new(), clock::now());
        for minute in 0..3 {
            let now = start + seconds(60 * minute);
            poison.killed("POST", "/a", BODY, now);
            assert_eq!(poison.is_refused("POST", "/a", BODY, now), None);
        }
    }

    #[test]
    fn only_the_very_same_request_is_refused() {
        let (poison, now) = (Poison::new(), clock::now());
        poison.killed("POST", "/a", BODY, now);
        poison.killed("POST", "/a", BODY, now);
        let is_refused = |method: &str, target: &str, body: &[&[u8]]| {
            poison.is_refused(method, target, body, now).is_some()
        };
        assert!(is_refused("POST", "/a", BODY));
        assert!(!is_refused("PUT", "/a", BODY));
        assert!(!is_refused("POST", "/a?x", BODY));
        assert!(!is_refused("POST", "/a", &[b"bodY"]));
        assert!(!is_refused("POST", "/a", &[]));
        assert!(!is_refused("POST/", "a", BODY));
        assert!(
            poison.suspects("POST", "/a"),
            "the others were not forgotten"
        );
    }

    #[test]
    fn how_a_body_is_cut_makes_no_difference() {
        let poison = Poison::new();
        let body: Vec<u8> = (0..=255).cycle().take(999).collect();
        let whole = poison.request("POST", "/a", &[&body]);
        for at in 1..body.len() {
            let (left, right) = body.split_at(at);
            let pieces = [
                left,
                &[],
                &right[..right.len() / 3],
                &right[right.len() / 3..],
            ];
            assert_eq!(poison.request("POST", "/a", &pieces), whole);
        }
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        assert_eq!(poison.request("POST", "/a", &bytes), whole);
        assert_ne!(poison.request("POST", "/a", &[&body[1..]]), whole);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_oldest_goes() {
        let (poison, now) = (Poison::new(), clock::now());
        let target = |number: usize| format!("/{number}");
        for number in 0..NOTED_MAX + 10 {
            for _ in 0..2 {
                poison.killed("GET", &target(number), &[], now);
            }
        }
        let is_refused = |number| poison.is_refused("GET", &target(number), &[], now);
        assert_eq!(poison.lock().len(), NOTED_MAX);
        assert_eq!(is_refused(9), None);
        assert_eq!(is_refused(10), Some(seconds(60)));
        assert!((10..NOTED_MAX + 10).all(|number| poison.suspects("GET", &target(number))));

        let strangers = (0..1000).filter(|number| poison.suspects("PUT", &target(*number)));
        assert!(strangers.count() < 200, "most others are told apart");
    }

    #[test]
    fn a_clock_that_was_read_before_the_death_is_no_fault() {
        let (poison, now) = (Poison::new(), clock::now());
        poison.killed("GET", "/", &[], now + seconds(1));
        poison.killed("GET", "/", &[], now + seconds(1));
        assert_eq!(poison.is_refused("GET", "/", &[], now), Some(seconds(60)));
    }
}
