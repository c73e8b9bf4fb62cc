use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{clock, pool::permits::PERMIT};

/// A ticket in these tests: its number, and whether it was given up.
type Ticket = (u32, bool);

struct Bench {
    order: FairQueue<Ticket>,
    gauges: Vec<Arc<ClassLoad>>,
    now: Instant,
    number: u32,
}

impl Bench {
    fn new(classes: usize, threads_max: usize, queue_wait: Option<Duration>) -> Self {
        let gauges: Vec<_> = (0..classes).map(|_| Arc::default()).collect();
        let terms = Terms {
            threads_max,
            thread_worth: 0.01,
            weight_least: 1,
            queue_wait,
        };
        let now = clock::now();
        Self {
            order: FairQueue::new(terms, &gauges, |ticket: &Ticket| ticket.1, now),
            gauges,
            now,
            number: 0,
        }
    }

    fn push(&mut self, class: usize) -> u32 {
        self.number += 1;
        self.order.push(class, (self.number, false), self.now);
        self.number
    }

    fn push_many(&mut self, class: usize, tickets: u32) {
        for _ in 0..tickets {
            self.push(class);
        }
    }

    fn pick(&mut self, fits: impl Fn(i64) -> bool) -> Pick<Ticket> {
        let mut aside = Vec::new();
        let room = |needs: Needs| fits(needs.weight).then_some(Account::Short);
        let now = self.now;
        self.order.pick(|| now, Asker::Worker, room, &mut aside)
    }

    /// Starts what is next, wherever there is room for all.
    fn run(&mut self) -> Option<(u32, usize)> {
        match self.pick(|_| true) {
            Pick::Run {
                ticket: (number, _),
                class,
                ..
            } => Some((number, class)),
            _ => None,
        }
    }

    fn learn(&mut self, class: usize, cpu_ns: u64, blocked_ns: u64) {
        self.push(class);
        self.run().expect("it runs");
        let detail = Detail {
            cpu_ns,
            delay_ns: 0,
            blocked_ns,
        };
        self.order.end(class, Some(&detail));
    }
}

#[test]
fn a_class_is_first_come_first_served() {
    let mut bench = Bench::new(1, 8, None);
    let pushed: Vec<_> = (0..5).map(|_| bench.push(0)).collect();
    let ran: Vec<_> = (0..5).filter_map(|_| bench.run()).map(|(n, _)| n).collect();
    assert_eq!(ran, pushed);
}

/// A thousand long tickets wait; a short one that comes then is next but one.
#[test]
fn a_short_class_does_not_wait_for_a_long_ones_queue() {
    let mut bench = Bench::new(2, 8, None);
    bench.learn(0, 5_000_000, 0);
    bench.learn(1, 20_000, 0);
    bench.push_many(0, 1000);
    let (_, first) = bench.run().expect("it runs");
    assert_eq!(first, 0);
    let short = bench.push(1);
    assert_eq!(bench.run(), Some((short, 1)));
}

/// Both always have tickets: each has its half of the processor, not of the turns.
#[test]
fn classes_take_turns_by_what_they_cost() {
    let mut bench = Bench::new(2, 1000, None);
    bench.learn(0, 4_000_000, 0);
    bench.learn(1, 1_000_000, 0);
    bench.push_many(0, 500);
    bench.push_many(1, 500);
    let ran = (0..100).filter_map(|_| bench.run());
    let long = ran.filter(|(_, class)| *class == 0).count();
    assert!((19..=21).contains(&long), "{long} of 100");
}

#[test]
fn no_class_takes_more_than_half_of_the_threads_while_others_wait() {
    let mut bench = Bench::new(2, 8, None);
    // Cheap: by cost alone it would run all of its own first.
    bench.learn(0, 10_000, 0);
    bench.learn(1, 50_000_000, 0);
    bench.push_many(0, 8);
    bench.push_many(1, 8);
    let ran: Vec<_> = (0..8).filter_map(|_| bench.run()).collect();
    let cheap = ran.iter().filter(|(_, class)| *class == 0).count();
    assert_eq!(cheap, 4);
}

#[test]
fn the_reserve_runs_only_classes_that_hold_no_thread() {
    let mut bench = Bench::new(2, 1, None);
    bench.push(0);
    bench.run().expect("it runs");
    bench.push(0);
    assert!(!bench.order.starves());
    let other = bench.push(1);
    assert!(bench.order.starves());
    let mut aside = Vec::new();
    let mut ask = |bench: &mut Bench| {
        let now = bench.now;
        let picked = bench
            .order
            .pick(|| now, Asker::Reserve, |_| Some(Account::Short), &mut aside);
        match picked {
            Pick::Run { ticket, .. } => Some(ticket.0),
            _ => None,
        }
    };
    assert_eq!(ask(&mut bench), Some(other));
    assert_eq!(ask(&mut bench), None);
}

#[test]
fn a_class_at_its_adaptive_limit_waits() {
    let mut bench = Bench::new(1, 8, None);
    bench.gauges[0].set_limit(Some(2));
    bench.push_many(0, 3);
    assert_eq!((0..3).filter_map(|_| bench.run()).count(), 2);
    bench.order.end(0, None);
    assert!(bench.run().is_some());
}

#[test]
fn lighter_tickets_pass_one_that_finds_no_room_but_not_for_long() {
    let mut bench = Bench::new(2, 8, None);
    bench.learn(0, 5_000_000, 0);
    bench.learn(1, 50_000, 5_000_000);
    let light_fits = |weight: i64| weight < PERMIT;
    // The heavy class's turn, since the light one took one before.
    bench.push_many(1, 9);
    while bench.order.classes[0].tag >= bench.order.classes[1].tag {
        bench.run().expect("it runs");
        bench.push(1);
    }
    bench.push(0);
    assert!(matches!(bench.pick(light_fits), Pick::Run { class: 1, .. }));
    bench.now += PASSED_MAX;
    assert_eq!(bench.pick(light_fits), Pick::NoRoom { weight: PERMIT });
    assert!(matches!(bench.pick(|_| true), Pick::Run { class: 0, .. }));
}

#[test]
fn overload_serves_the_newest_and_refuses_the_oldest() {
    let wait = Duration::from_secs(4);
    let mut bench = Bench::new(1, 8, Some(wait));
    let first = bench.push(0);
    bench.now += Duration::from_millis(1500);
    let second = bench.push(0);
    // A second in which the head has waited for more than a quarter of `wait`.
    let (mut aside, now) = (Vec::new(), bench.now);
    bench.order.sweep(now, &mut aside);
    bench.now += Duration::from_millis(600);
    let third = bench.push(0);
    let now = bench.now;
    let picked = bench
        .order
        .pick(|| now, Asker::Worker, |_| Some(Account::Short), &mut aside);
    assert!(matches!(picked, Pick::Run { ticket, .. } if ticket.0 == third));
    assert_eq!(aside, [Discarded::Shed((first, false))]);
    assert_eq!(bench.run().map(|(number, _)| number), Some(second));
}

#[test]
fn the_time_between_starts_makes_the_expected_wait() {
    let mut bench = Bench::new(1, 8, None);
    for _ in 0..110 {
        bench.push(0);
        bench.gauges[0].come();
    }
    assert_eq!(bench.gauges[0].expected_wait(), Duration::ZERO);
    for _ in 0..100 {
        bench.run().expect("it runs");
        bench.gauges[0].go();
        bench.now += Duration::from_millis(5);
    }
    let expected = bench.gauges[0].expected_wait();
    assert!(expected.abs_diff(Duration::from_millis(50)) < Duration::from_millis(1));
}

#[derive(Debug, Clone)]
enum Step {
    Push { class: usize, is_over: bool },
    Pick,
    End,
    Sweep,
    Limit { class: usize, limit: Option<usize> },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4_usize, any::<bool>()).prop_map(|(class, is_over)| Step::Push { class, is_over }),
        3 => Just(Step::Pick),
        2 => Just(Step::End),
        1 => Just(Step::Sweep),
        1 => (0..4_usize, proptest::option::of(1..4_usize))
            .prop_map(|(class, limit)| Step::Limit { class, limit }),
    ]
}

proptest! {
    /// Against the plainest model there is: a set of what waits. Every ticket comes
    /// out once, as run or put aside, and no class runs beyond its limit.
    #[test]
    fn every_ticket_comes_out_exactly_once(steps in proptest::collection::vec(step(), 1..200)) {
        let mut bench = Bench::new(4, 6, Some(Duration::from_millis(40)));
        let mut waiting = std::collections::BTreeMap::new();
        let mut running = Vec::new();
        for step in steps {
            bench.now += Duration::from_millis(7);
            let mut aside = Vec::new();
            match step {
                Step::Push { class, is_over } => {
                    bench.number += 1;
                    waiting.insert(bench.number, is_over);
                    bench.order.push(class, (bench.number, is_over), bench.now);
                }
                Step::Pick => {
                    let now = bench.now;
                    let room = |_| (running.len() < 6).then_some(Account::Short);
                    let picked = bench.order.pick(|| now, Asker::Worker, room, &mut aside);
                    if let Pick::Run { ticket, class, .. } = picked {
                        prop_assert!(waiting.remove(&ticket.0).is_some());
                        let others = running.iter().filter(|other| **other == class).count();
                        prop_assert!(others < bench.gauges[class].limit());
                        running.push(class);
                    }
                }
                Step::End => if let Some(class) = running.pop() {
                    bench.order.end(class, None);
                },
                Step::Sweep => bench.order.sweep(bench.now, &mut aside),
                Step::Limit { class, limit } => bench.gauges[class].set_limit(limit),
            }
            for discarded in aside {
                let (Discarded::Over(ticket) | Discarded::Shed(ticket)) = discarded;
                prop_assert!(waiting.remove(&ticket.0).is_some());
            }
            prop_assert_eq!(bench.order.waiting(), waiting.len());
        }
    }
}
