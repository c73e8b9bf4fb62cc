//! The cells of a shard: what one thread has counted of one series. One thread
//! writes, so a count is a load and a store and no more; a reader takes
//! differences to what it saw before, which are right also where a count has
//! wrapped. A begin and its end may stand in the cells of two threads; only sums
//! over all of them mean something.

use std::sync::OnceLock;

use super::histogram::{BUCKETS, Counts};
use crate::{
    lane::Lane,
    sync::{AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed},
    timing::{Detail, Timing},
};

/// OpenTelemetry's buckets for the duration of requests, in nanoseconds.
pub const DURATION_BOUNDS_NS: [u64; 14] = [
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    75_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    750_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    7_500_000_000,
    10_000_000_000,
];
pub(super) const DURATION_BUCKETS: usize = DURATION_BOUNDS_NS.len() + 1;

/// Status codes of one series and lane that are told apart.
pub(super) const CODES_MAX: usize = 16;
/// Where the durations of all further codes are.
pub(super) const OTHER: usize = CODES_MAX;
/// Where the durations of requests are whose client left first.
pub(super) const LEFT: usize = CODES_MAX + 1;
pub(super) const OUTCOMES: usize = CODES_MAX + 2;

/// A run counts as blocked from here on: shorter waits are the readings' own.
const BLOCKED_NS_MIN: u64 = 50_000;

/// What one thread has counted of one series.
pub(super) struct SeriesCells {
    pub(super) begun: AtomicU32,
    pub(super) ended: AtomicU32,
    pub(super) errors: AtomicU32,
    pub(super) lanes: [LaneCells; Lane::ALL.len()],
}

/// Of one lane; made when the first request ends there.
#[derive(Default)]
pub(super) struct LaneCells {
    pub(super) answers: OnceLock<Box<AnswerCells>>,
    pub(super) runs: OnceLock<Box<RunCells>>,
}

/// The durations of requests, by status code.
pub(super) struct AnswerCells {
    /// The codes that have their own durations; 0 where there is none yet.
    pub(super) codes: [AtomicU16; CODES_MAX],
    pub(super) durations: [DurationCells; OUTCOMES],
}

/// Durations in OpenTelemetry's buckets.
pub(super) struct DurationCells {
    pub(super) buckets: [AtomicU32; DURATION_BUCKETS],
    pub(super) sum_ns: AtomicU64,
}

/// What runs of the handler took.
pub(super) struct RunCells {
    pub(super) runs: AtomicU64,
    pub(super) samples: AtomicU64,
    pub(super) blocked_samples: AtomicU64,
    pub(super) queue_ns: AtomicU64,
    pub(super) wall_ns: AtomicU64,
    pub(super) cpu_ns: AtomicU64,
    pub(super) delay_ns: AtomicU64,
    pub(super) blocked_ns: AtomicU64,
    pub(super) run: Counts,
    pub(super) cpu: Counts,
    pub(super) blocked: Counts,
    /// Made where something queues.
    pub(super) queue: OnceLock<Box<Counts>>,
}

/// The bucket of what took longer than the first. Apart, as all that few requests come
/// to.
#[inline(never)]
fn further_bucket(ns: u64) -> usize {
    let bucket = DURATION_BOUNDS_NS.iter().position(|bound| ns <= *bound);
    bucket.unwrap_or(DURATION_BOUNDS_NS.len())
}

fn add(cell: &AtomicU64, by: u64) {
    cell.store(cell.load(Relaxed).wrapping_add(by), Relaxed);
}

fn add_one(cell: &AtomicU32) {
    cell.store(cell.load(Relaxed).wrapping_add(1), Relaxed);
}

impl SeriesCells {
    pub(super) fn new() -> Self {
        Self {
            begun: AtomicU32::new(0),
            ended: AtomicU32::new(0),
            errors: AtomicU32::new(0),
            lanes: Default::default(),
        }
    }

    pub(super) fn begin(&self) {
        add_one(&self.begun);
    }

    /// A request was answered with that status, so long after it came.
    #[inline]
    pub(super) fn answer(&self, lane: Lane, status: u16, duration_ns: u64) {
        let answers = self.answers(lane);
        answers.durations[answers.outcome(status)].add(duration_ns);
        if status >= 500 {
            add_one(&self.errors);
        }
        add_one(&self.ended);
    }

    /// A client left before its answer.
    pub(super) fn leave(&self, lane: Lane, duration_ns: u64) {
        self.answers(lane).durations[LEFT].add(duration_ns);
        add_one(&self.ended);
    }

    #[inline]
    pub(super) fn run(&self, lane: Lane, timing: &Timing) {
        let runs = &self.lanes[lane.index()].runs;
        runs.get_or_init(|| Box::new(RunCells::new())).add(timing);
    }

    fn answers(&self, lane: Lane) -> &AnswerCells {
        let answers = &self.lanes[lane.index()].answers;
        answers.get_or_init(|| Box::new(AnswerCells::new()))
    }
}

impl AnswerCells {
    fn new() -> Self {
        Self {
            codes: std::array::from_fn(|_| AtomicU16::new(0)),
            durations: std::array::from_fn(|_| DurationCells::new()),
        }
    }

    /// Where the durations of a status code are.
    #[inline]
    fn outcome(&self, status: u16) -> usize {
        // Mostly the one code that a series ever has.
        if self.codes[0].load(Relaxed) == status {
            return 0;
        }
        self.further_outcome(status)
    }

    /// A code that is new takes the next place.
    #[inline(never)]
    fn further_outcome(&self, status: u16) -> usize {
        for (place, code) in self.codes.iter().enumerate() {
            let known = code.load(Relaxed);
            if known == status {
                return place;
            }
            if known == 0 {
                code.store(status, Relaxed);
                return place;
            }
        }
        OTHER
    }
}

impl DurationCells {
    fn new() -> Self {
        Self {
            buckets: std::array::from_fn(|_| AtomicU32::new(0)),
            sum_ns: AtomicU64::new(0),
        }
    }

    #[inline]
    fn add(&self, ns: u64) {
        // Most requests end within the first.
        let bucket = if ns <= DURATION_BOUNDS_NS[0] {
            0
        } else {
            further_bucket(ns)
        };
        add_one(&self.buckets[bucket]);
        add(&self.sum_ns, ns);
    }
}

impl RunCells {
    fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            runs: zero(),
            samples: zero(),
            blocked_samples: zero(),
            queue_ns: zero(),
            wall_ns: zero(),
            cpu_ns: zero(),
            delay_ns: zero(),
            blocked_ns: zero(),
            run: Counts::new(),
            cpu: Counts::new(),
            blocked: Counts::new(),
            queue: OnceLock::new(),
        }
    }

    fn add(&self, timing: &Timing) {
        add(&self.runs, 1);
        add(&self.wall_ns, timing.wall_ns);
        self.run.add(timing.wall_ns);
        if timing.queue_ns > 0 {
            self.add_queued(timing.queue_ns);
        }
        if let Some(detail) = &timing.detail {
            self.add_detail(detail);
        }
    }

    // Apart, so that what every run comes to stays small in the request's way.
    #[inline(never)]
    fn add_queued(&self, queue_ns: u64) {
        add(&self.queue_ns, queue_ns);
        let queue = self.queue.get_or_init(|| Box::new(Counts::new()));
        queue.add(queue_ns);
    }

    #[inline(never)]
    fn add_detail(&self, detail: &Detail) {
        add(&self.samples, 1);
        if detail.blocked_ns > BLOCKED_NS_MIN {
            add(&self.blocked_samples, 1);
        }
        add(&self.cpu_ns, detail.cpu_ns);
        add(&self.delay_ns, detail.delay_ns);
        add(&self.blocked_ns, detail.blocked_ns);
        self.cpu.add(detail.cpu_ns);
        self.blocked.add(detail.blocked_ns);
    }
}

// === What a reader takes ===

/// What a reader saw of a series on one shard.
#[derive(Default)]
pub(super) struct SeriesSeen {
    begun: u32,
    ended: u32,
    errors: u32,
    lanes: [LaneSeen; Lane::ALL.len()],
}

#[derive(Default)]
struct LaneSeen {
    answers: Option<Box<AnswersSeen>>,
    runs: Option<Box<RunsSeen>>,
}

#[derive(Default)]
struct AnswersSeen {
    durations: [Durations; OUTCOMES],
}

struct RunsSeen {
    sums: RunSums,
    run: [u32; BUCKETS],
    cpu: [u32; BUCKETS],
    blocked: [u32; BUCKETS],
    queue: [u32; BUCKETS],
}

/// Durations as a reader holds them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Durations {
    /// How many, bucket by bucket: not cumulative.
    pub(super) buckets: [u32; DURATION_BUCKETS],
    pub(super) sum_ns: u64,
}

/// The sums of runs as a reader holds them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct RunSums {
    pub(super) runs: u64,
    pub(super) samples: u64,
    pub(super) blocked_samples: u64,
    pub(super) queue_ns: u64,
    pub(super) wall_ns: u64,
    pub(super) cpu_ns: u64,
    pub(super) delay_ns: u64,
    pub(super) blocked_ns: u64,
}

/// Runs that came since the last look.
pub(super) struct NewRuns {
    pub(super) sums: RunSums,
    pub(super) run: [u32; BUCKETS],
    pub(super) cpu: [u32; BUCKETS],
    pub(super) blocked: [u32; BUCKETS],
    pub(super) queue: [u32; BUCKETS],
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Answered with that status.
    Code(u16),
    /// Answered, with one status more than are told apart.
    Other,
    /// Its client left before the answer.
    Left,
}

/// What came since the last look.
pub(super) enum News {
    Requests { begun: u32, ended: u32, errors: u32 },
    Answers(Lane, Outcome, Durations),
    Runs(Lane, Box<NewRuns>),
}

impl SeriesSeen {
    /// Says what came since the last look, piece by piece.
    pub(super) fn look(&mut self, cells: &SeriesCells, mut say: impl FnMut(News)) {
        let take = |cell: &AtomicU32, seen: &mut u32| {
            let now = cell.load(Relaxed);
            now.wrapping_sub(std::mem::replace(seen, now))
        };
        let begun = take(&cells.begun, &mut self.begun);
        let ended = take(&cells.ended, &mut self.ended);
        let errors = take(&cells.errors, &mut self.errors);
        if begun == 0 && ended == 0 && errors == 0 {
            return self.look_at_runs(cells, say);
        }
        say(News::Requests {
            begun,
            ended,
            errors,
        });
        for lane in Lane::ALL {
            if let Some(answers) = cells.lanes[lane.index()].answers.get() {
                let seen = self.lanes[lane.index()].answers.get_or_insert_default();
                seen.look(answers, |outcome, durations| {
                    say(News::Answers(lane, outcome, durations));
                });
            }
        }
        self.look_at_runs(cells, say);
    }

    fn look_at_runs(&mut self, cells: &SeriesCells, mut say: impl FnMut(News)) {
        for lane in Lane::ALL {
            if let Some(runs) = cells.lanes[lane.index()].runs.get() {
                let seen = self.lanes[lane.index()].runs.get_or_insert_default();
                if let Some(new) = seen.look(runs) {
                    say(News::Runs(lane, new));
                }
            }
        }
    }
}

impl AnswersSeen {
    fn look(&mut self, cells: &AnswerCells, mut say: impl FnMut(Outcome, Durations)) {
        for (place, seen) in self.durations.iter_mut().enumerate() {
            let outcome = match place {
                OTHER => Outcome::Other,
                LEFT => Outcome::Left,
                place => match cells.codes[place].load(Relaxed) {
                    // Not written yet, as far as this thread sees: next time.
                    0 => continue,
                    code => Outcome::Code(code),
                },
            };
            let new = seen.look(&cells.durations[place]);
            if new != Durations::default() {
                say(outcome, new);
            }
        }
    }
}

impl Durations {
    fn look(&mut self, cells: &DurationCells) -> Self {
        let sum_ns = cells.sum_ns.load(Relaxed);
        Self {
            buckets: std::array::from_fn(|bucket| {
                let now = cells.buckets[bucket].load(Relaxed);
                now.wrapping_sub(std::mem::replace(&mut self.buckets[bucket], now))
            }),
            sum_ns: sum_ns.wrapping_sub(std::mem::replace(&mut self.sum_ns, sum_ns)),
        }
    }
}

impl Default for RunsSeen {
    fn default() -> Self {
        Self {
            sums: RunSums::default(),
            run: [0; BUCKETS],
            cpu: [0; BUCKETS],
            blocked: [0; BUCKETS],
            queue: [0; BUCKETS],
        }
    }
}

impl RunsSeen {
    fn look(&mut self, cells: &RunCells) -> Option<Box<NewRuns>> {
        let now = RunSums::of(cells);
        if now == self.sums {
            return None;
        }
        let before = std::mem::replace(&mut self.sums, now);
        Some(Box::new(NewRuns {
            sums: now.since(&before),
            run: cells.run.since(&mut self.run),
            cpu: cells.cpu.since(&mut self.cpu),
            blocked: cells.blocked.since(&mut self.blocked),
            queue: match cells.queue.get() {
                Some(queue) => queue.since(&mut self.queue),
                None => [0; BUCKETS],
            },
        }))
    }
}

impl RunSums {
    fn of(cells: &RunCells) -> Self {
        Self {
            runs: cells.runs.load(Relaxed),
            samples: cells.samples.load(Relaxed),
            blocked_samples: cells.blocked_samples.load(Relaxed),
            queue_ns: cells.queue_ns.load(Relaxed),
            wall_ns: cells.wall_ns.load(Relaxed),
            cpu_ns: cells.cpu_ns.load(Relaxed),
            delay_ns: cells.delay_ns.load(Relaxed),
            blocked_ns: cells.blocked_ns.load(Relaxed),
        }
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            runs: self.runs.wrapping_sub(before.runs),
            samples: self.samples.wrapping_sub(before.samples),
            blocked_samples: self.blocked_samples.wrapping_sub(before.blocked_samples),
            queue_ns: self.queue_ns.wrapping_sub(before.queue_ns),
            wall_ns: self.wall_ns.wrapping_sub(before.wall_ns),
            cpu_ns: self.cpu_ns.wrapping_sub(before.cpu_ns),
            delay_ns: self.delay_ns.wrapping_sub(before.delay_ns),
            blocked_ns: self.blocked_ns.wrapping_sub(before.blocked_ns),
        }
    }
}
