use proptest::prelude::*;

use super::*;
use crate::balance::snapshot::{Label, Move, Violation};

const TICK: Duration = Duration::from_millis(100);
const MINUTE: Duration = Duration::from_secs(60);

/// One class, told tick by tick.
struct Story {
    rules: Rules,
    state: State,
    snapshot: Snapshot,
    now: Duration,
    moves: Vec<(Duration, Move)>,
    limits: Vec<Option<usize>>,
    last: Decision,
}

/// The runs of one tick.
#[derive(Clone, Copy, Debug)]
struct Runs {
    count: u64,
    samples: u64,
    cpu_us: u64,
    blocked_us: u64,
    delay_us: u64,
    p99_us: u64,
}

impl Runs {
    /// That many, one in sixteen of them measured.
    fn of(count: u64, cpu_us: u64, blocked_us: u64) -> Self {
        Self {
            count,
            samples: count.div_ceil(16),
            cpu_us,
            blocked_us,
            delay_us: 0,
            p99_us: cpu_us,
        }
    }
}

impl Story {
    fn of(endpoint: Lane, is_auto: bool) -> Self {
        let class = ClassSnapshot {
            endpoint,
            is_auto,
            lane_written: is_auto,
            sums: Sums::default(),
            cpu_p95_ns: None,
            cpu_p99_ns: None,
            service_p50_ns: None,
            violation: None,
            stalls: 0,
            stall_worst_ns: 0,
        };
        Self {
            rules: Rules::default(),
            state: State::default(),
            snapshot: Snapshot {
                cores: 2.0,
                loops: 2,
                hop_ns: Some(3_000),
                classes: vec![class],
            },
            now: Duration::ZERO,
            moves: Vec::new(),
            limits: Vec::new(),
            last: Decision::default(),
        }
    }

    fn auto() -> Self {
        Self::of(Lane::Pool, true)
    }

    fn class(&mut self) -> &mut ClassSnapshot {
        &mut self.snapshot.classes[0]
    }

    fn run(&mut self, runs: Runs) {
        let class = self.class();
        let sums = &mut class.sums;
        let each = runs.cpu_us + runs.blocked_us + runs.delay_us;
        sums.runs += runs.count;
        sums.wall_ns += runs.count * each * 1_000;
        sums.samples += runs.samples;
        sums.cpu_ns += runs.samples * runs.cpu_us * 1_000;
        sums.blocked_ns += runs.samples * runs.blocked_us * 1_000;
        sums.delay_ns += runs.samples * runs.delay_us * 1_000;
        if runs.blocked_us > 50 {
            sums.blocked_samples += runs.samples;
        }
        if runs.samples > 0 {
            class.cpu_p95_ns = Some(runs.p99_us * 1_000);
            class.cpu_p99_ns = Some(runs.p99_us * 1_000);
            class.service_p50_ns = Some((runs.cpu_us + runs.blocked_us) * 1_000);
        }
    }

    fn look(&mut self) {
        self.now += TICK;
        let decision = decide(&self.rules, &mut self.state, &self.snapshot, self.now);
        let moves = decision.moves.iter().cloned();
        self.moves.extend(moves.map(|moved| (self.now, moved)));
        self.limits
            .extend(decision.limits.iter().map(|(_, limit)| *limit));
        self.last = decision;
        let class = self.class();
        (class.violation, class.stalls, class.stall_worst_ns) = (None, 0, 0);
    }

    /// The same in every tick of that time.
    fn during(&mut self, time: Duration, runs: Runs) {
        for _ in 0..time.as_millis() / TICK.as_millis() {
            self.run(runs);
            self.look();
        }
    }

    fn stall(&mut self, ms: u64) {
        let class = self.class();
        (class.stalls, class.stall_worst_ns) = (1, ms * 1_000_000);
        self.look();
    }

    fn violate(&mut self, wall_us: u64) {
        self.class().violation = Some(Violation {
            wall_ns: wall_us * 1_000,
            delay_ns: 0,
            blocked_ns: None,
        });
        self.look();
    }

    fn label(&self) -> Label {
        self.last.verdicts[0].label
    }

    fn advice(&self) -> &str {
        self.last.verdicts[0].advice.as_deref().unwrap_or_default()
    }

    fn reason(&self) -> &str {
        self.last.verdicts[0].reason.as_deref().unwrap_or_default()
    }

    fn lanes(&self) -> Vec<Lane> {
        self.moves.iter().map(|(_, moved)| moved.to).collect()
    }
}

// === Inline ===

#[test]
fn a_trivial_auto_class_is_promoted_once_with_its_numbers() {
    let mut story = Story::auto();
    story.during(MINUTE, Runs::of(100, 5, 0));
    assert_eq!(story.lanes(), [Lane::Inline]);
    let (at, moved) = &story.moves[0];
    // 1000 calls at 100 a tick; the sixtieth sample has come by then.
    assert_eq!(*at, TICK * 10, "{moved:?}");
    for number in ["1000 calls timed", "70 measured", "5.0 µs", "3.0 µs"] {
        assert!(moved.why.contains(number), "{}", moved.why);
    }
    assert_eq!(story.reason(), story.moves[0].1.why);
}

#[test]
fn its_twin_without_auto_is_advised_and_never_moved() {
    let mut story = Story::of(Lane::Pool, false);
    story.during(MINUTE, Runs::of(100, 5, 0));
    assert!(story.moves.is_empty());
    assert!(story.advice().contains("write `lane = auto`"));
    story.run(Runs::of(100, 5, 400));
    story.look();
    assert_eq!(story.advice(), "");
}

#[test]
fn who_wrote_the_lane_is_not_advised() {
    let mut story = Story::of(Lane::Pool, false);
    story.class().lane_written = true;
    story.during(MINUTE, Runs::of(100, 5, 0));
    assert_eq!(story.advice(), "");
}

#[test]
fn too_few_calls_or_samples_prove_nothing() {
    let mut story = Story::auto();
    story.during(MINUTE, Runs::of(1, 5, 0));
    assert!(story.moves.is_empty());
    assert!(
        story.reason().contains("600 of 1000 calls"),
        "{}",
        story.reason()
    );
    let mut story = Story::auto();
    story.run(Runs::of(5_000, 5, 0));
    story.class().sums.samples = 59;
    story.look();
    assert!(story.moves.is_empty());
}

#[test]
fn a_slow_percentile_a_busy_loop_or_an_unknown_hop_keep_it_on_the_pool() {
    let mut slow = Story::auto();
    let runs = Runs {
        p99_us: 31,
        ..Runs::of(100, 5, 0)
    };
    slow.during(MINUTE, runs);
    assert!(slow.moves.is_empty());
    let mut busy = Story::auto();
    busy.during(MINUTE, Runs::of(5_000, 20, 0));
    assert!(busy.moves.is_empty());
    let mut unknown = Story::auto();
    unknown.snapshot.hop_ns = None;
    unknown.during(MINUTE, Runs::of(100, 5, 0));
    assert!(unknown.moves.is_empty() && unknown.last.wants_hop);
}

#[test]
fn one_run_that_blocks_begins_the_evidence_anew() {
    let mut story = Story::auto();
    story.during(TICK * 9, Runs::of(100, 5, 0));
    story.run(Runs::of(100, 5, 400));
    story.look();
    story.during(TICK * 9, Runs::of(100, 5, 0));
    assert!(story.moves.is_empty());
    story.during(TICK, Runs::of(100, 5, 0));
    assert_eq!(story.lanes(), [Lane::Inline]);
}

#[test]
fn a_violation_demotes_and_each_wait_is_twice_the_one_before() {
    let mut story = Story::auto();
    for _ in 0..9 {
        while story.lanes().last() != Some(&Lane::Inline) {
            story.during(TICK, Runs::of(100, 5, 0));
        }
        story.violate(5_170);
    }
    let promoted = story
        .moves
        .iter()
        .filter(|(_, moved)| moved.to == Lane::Inline);
    let promoted: Vec<u64> = promoted.map(|(at, _)| at.as_secs()).collect();
    let waits: Vec<u64> = promoted
        .windows(2)
        .map(|pair| (pair[1] - pair[0]) / 60)
        .collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    let why = &story.moves[1].1.why;
    assert!(
        why.contains("5.2 ms") && why.contains("200 µs are allowed"),
        "{why}"
    );
}

#[test]
fn a_class_that_was_good_for_an_hour_begins_anew() {
    let mut story = Story::auto();
    story.during(TICK * 10, Runs::of(100, 5, 0));
    story.violate(900);
    story.during(MINUTE + TICK * 10, Runs::of(100, 5, 0));
    assert_eq!(story.lanes().last(), Some(&Lane::Inline));
    story.during(MINUTE * 61, Runs::of(100, 5, 0));
    story.violate(900);
    assert!(
        story.reason().contains("looked at again in 60 s"),
        "{}",
        story.reason()
    );
}

#[test]
fn a_class_that_turns_fast_is_promoted_then() {
    let mut story = Story::auto();
    story.during(MINUTE, Runs::of(100, 3_000, 0));
    assert!(story.moves.is_empty());
    story.during(MINUTE, Runs::of(100, 5, 0));
    assert_eq!(story.lanes(), [Lane::Inline]);
}

#[test]
fn an_authors_inline_is_never_moved() {
    let mut story = Story::of(Lane::Inline, false);
    for _ in 0..50 {
        story.stall(40);
    }
    assert!(story.moves.is_empty());
    assert!(story.advice().contains("remove `lane = inline`"));
}

// === Stalls ===

#[test]
fn three_stalls_in_a_minute_are_quarantine_and_a_clean_minute_ends_it() {
    let mut story = Story::of(Lane::Event, false);
    story.stall(52);
    story.stall(50);
    assert!(story.moves.is_empty());
    assert!(story.advice().contains("hybrid::run_on_pool"));
    story.stall(51);
    assert_eq!(story.lanes(), [Lane::Quarantine]);
    assert!(
        story.reason().contains("3 times within 60 s"),
        "{}",
        story.reason()
    );
    story.during(MINUTE / 2, Runs::of(1, 100, 0));
    story.stall(12);
    story.during(MINUTE - TICK, Runs::of(1, 100, 0));
    assert_eq!(story.lanes(), [Lane::Quarantine]);
    story.during(TICK, Runs::of(1, 100, 0));
    assert_eq!(story.lanes(), [Lane::Quarantine, Lane::Event]);
    // The next time it takes two minutes.
    (0..3).for_each(|_| story.stall(20));
    story.during(MINUTE * 2 - TICK, Runs::of(1, 100, 0));
    assert_eq!(story.lanes().last(), Some(&Lane::Quarantine));
    story.during(TICK, Runs::of(1, 100, 0));
    assert_eq!(story.lanes().last(), Some(&Lane::Event));
}

#[test]
fn stalls_far_apart_are_no_habit_and_silence_is_no_proof() {
    let mut story = Story::of(Lane::Event, false);
    for _ in 0..10 {
        story.stall(52);
        story.during(MINUTE / 2, Runs::of(1, 100, 0));
    }
    assert!(story.moves.is_empty());
    (0..3).for_each(|_| story.stall(52));
    story.during(MINUTE * 5, Runs::of(0, 0, 0));
    assert_eq!(story.lanes(), [Lane::Quarantine]);
}

// === Labels ===

#[test]
fn labels_follow_the_share_of_processor_time() {
    for (cpu, blocked, label) in [
        (900, 100, Label::Cpu),
        (100, 900, Label::Io),
        (500, 500, Label::Mixed),
    ] {
        let mut story = Story::of(Lane::Pool, false);
        story.during(TICK * 10, Runs::of(1, cpu, blocked));
        assert_eq!(story.label(), Label::Unknown);
        story.during(TICK * 20, Runs::of(16, cpu, blocked));
        assert_eq!(story.label(), label);
    }
}

#[test]
fn run_queue_delay_is_a_reason_and_no_label() {
    let mut story = Story::of(Lane::Pool, false);
    let runs = Runs {
        delay_us: 4_000,
        ..Runs::of(16, 900, 100)
    };
    story.during(MINUTE, runs);
    assert_eq!(story.label(), Label::Cpu);
    assert!(
        story.reason().contains("80 % of its time"),
        "{}",
        story.reason()
    );
}

#[test]
fn a_class_that_turns_slow_gets_another_label() {
    let mut story = Story::of(Lane::Pool, false);
    story.during(MINUTE, Runs::of(16, 900, 10));
    assert_eq!(story.label(), Label::Cpu);
    story.during(MINUTE, Runs::of(16, 900, 30_000));
    assert_eq!(story.label(), Label::Io);
}

#[test]
fn long_computations_are_told_of_processes() {
    let mut story = Story::of(Lane::Pool, false);
    story.during(MINUTE, Runs::of(3, 140_000, 0));
    assert!(
        story.advice().contains("140 ms") && story.advice().contains("lane = process"),
        "{}",
        story.advice()
    );
    story.during(MINUTE, Runs::of(3, 40_000, 0));
    assert_eq!(story.advice(), "");
}

// === Limits ===

/// So many at once for a tick, each of that service time.
fn at_once(running: u64, service_us: u64) -> Runs {
    let count = (running * 100_000 / service_us).max(1);
    Runs {
        samples: count,
        ..Runs::of(count, 10, service_us - 10)
    }
}

#[test]
fn a_class_that_slows_down_with_its_company_is_cut_and_freed_again() {
    let mut story = Story::of(Lane::Pool, false);
    story.during(MINUTE, at_once(20, 5_000));
    assert!(story.limits.is_empty());
    story.during(MINUTE / 6, at_once(100, 50_000));
    let cut = story.last.verdicts[0].limit.expect("a limit");
    assert!((4..=75).contains(&cut), "{cut}");
    story.during(MINUTE * 2, at_once(20, 5_000));
    assert_eq!(story.last.verdicts[0].limit, None);
}

#[test]
fn it_is_never_cut_below_what_the_machine_can_do() {
    let mut story = Story::of(Lane::Pool, false);
    story.during(MINUTE, at_once(5, 1_000));
    story.during(MINUTE, at_once(5, 400_000));
    let least = story.limits.iter().flatten().min();
    assert!(least.is_none_or(|least| *least >= 4), "{least:?}");
}

#[test]
fn two_kinds_of_runs_are_no_overload() {
    let mut story = Story::of(Lane::Pool, false);
    // Nine of ten take 1 ms and one 100 ms; which come together is chance.
    for tick in 0_u64..3_000 {
        let slow = u64::from(tick * 7_919 % 10 == 0) * 20;
        story.run(at_once(20, 1_000));
        if slow > 0 {
            story.run(at_once(slow, 100_000));
            // The median stays where most runs are.
            story.class().service_p50_ns = Some(1_000_000);
        }
        story.look();
    }
    assert!(story.limits.is_empty(), "{:?}", story.limits);
}

#[test]
fn a_class_that_has_become_slower_for_good_is_free_in_the_end() {
    let mut story = Story::of(Lane::Pool, false);
    story.during(MINUTE, at_once(40, 5_000));
    story.during(MINUTE, at_once(40, 20_000));
    assert!(story.last.verdicts[0].limit.is_some());
    story.during(MINUTE * 30, at_once(40, 20_000));
    assert_eq!(story.last.verdicts[0].limit, None);
}

// === Whatever happens ===

/// What may happen in a tick.
#[derive(Clone, Debug)]
struct Event {
    runs: Runs,
    gap_ms: u64,
    violates: bool,
    stalls: u32,
}

fn event() -> impl Strategy<Value = Event> {
    let times = prop_oneof![Just(5_u64), 0..40_u64, 0..200_000_u64];
    let runs = (0..2_000_u64, 0..300_u64, times.clone(), times, 0..1_000_u64);
    let runs = runs.prop_map(|(count, samples, cpu_us, blocked_us, delay_us)| Runs {
        count,
        samples: samples.min(count),
        cpu_us,
        blocked_us: if blocked_us < 40 { 0 } else { blocked_us },
        delay_us,
        p99_us: cpu_us,
    });
    let gap = prop_oneof![Just(0_u64), Just(0), 0..100_000_u64];
    (runs, gap, prop::bool::weighted(0.1), 0..2_u32).prop_map(|(runs, gap_ms, violates, stalls)| {
        Event {
            runs,
            gap_ms,
            violates,
            stalls,
        }
    })
}

fn told(endpoint: Lane, is_auto: bool, events: &[Event]) -> Story {
    let mut story = Story::of(endpoint, is_auto);
    for event in events {
        story.now += Duration::from_millis(event.gap_ms);
        story.run(event.runs);
        story.class().stalls = event.stalls;
        if event.violates {
            story.violate(900);
        } else {
            story.look();
        }
    }
    story
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn only_auto_classes_and_futures_move(events in prop::collection::vec(event(), 1..300)) {
        prop_assert!(told(Lane::Pool, false, &events).moves.is_empty());
        prop_assert!(told(Lane::Inline, false, &events).moves.is_empty());
    }

    #[test]
    fn a_class_moves_to_a_lane_once_a_retry_period(
        events in prop::collection::vec(event(), 1..500),
        is_future: bool,
    ) {
        let endpoint = if is_future { Lane::Event } else { Lane::Pool };
        let story = told(endpoint, true, &events);
        for lane in Lane::ALL {
            let to = story.moves.iter().filter(|(_, moved)| moved.to == lane);
            let at: Vec<Duration> = to.map(|(at, _)| *at).collect();
            for pair in at.windows(2) {
                prop_assert!(pair[1] - pair[0] >= story.rules.retry_first, "{at:?}");
            }
        }
        // From where it is to somewhere else.
        for pair in story.moves.windows(2) {
            prop_assert_eq!(pair[0].1.to, pair[1].1.from);
        }
    }

    #[test]
    fn the_same_story_has_the_same_end(events in prop::collection::vec(event(), 1..100)) {
        let (one, two) = (told(Lane::Pool, true, &events), told(Lane::Pool, true, &events));
        prop_assert_eq!(one.moves, two.moves);
        prop_assert_eq!(one.last, two.last);
    }

    #[test]
    fn on_a_border_labels_do_not_flap(
        border in prop_oneof![Just(200_i64), Just(800)],
        noise in prop::collection::vec(-40..40_i64, 300),
    ) {
        let mut story = Story::of(Lane::Pool, false);
        let mut labels = Vec::new();
        for off in noise {
            let cpu = u64::try_from(border + off).unwrap();
            story.run(Runs::of(64, cpu, 1_000 - cpu));
            story.look();
            labels.push(story.label());
        }
        labels.dedup();
        // Unknown, then one side, and at most once over to the other.
        prop_assert!(labels.len() <= 3, "{labels:?}");
    }

    #[test]
    fn no_clock_gap_and_no_reset_of_totals_breaks_it(
        gaps in prop::collection::vec(0..u64::MAX / 2, 1..20),
    ) {
        let mut story = Story::auto();
        for gap in gaps {
            story.run(Runs::of(1_000, 5, 0));
            story.now = Duration::from_millis(gap % 1_000_000_007);
            story.look();
            story.class().sums = Sums::default();
        }
        prop_assert!(story.moves.len() <= 1);
    }
}
