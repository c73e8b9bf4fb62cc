//! The policy as a whole, without threads and without time: orders, accounts, lengths
//! and stretches of both sides, driven as workers and the scan drive them, on a
//! machine of two processors that is played in steps of a tenth of a millisecond.

use std::{sync::Arc, time::Duration};

use super::{
    class_load::ClassLoad,
    fair_queue::{Asker, FairQueue, Pick, Terms},
    job_length::{self, Length},
    permits::{Account, HeldPermits, PermitAccounts},
    stretch::{Found, Stretch},
};
use crate::{
    clock::{self, Instant},
    timing::{Detail, Timing},
};

const CORES: f64 = 2.0;
/// A step, in microseconds.
const STEP: u64 = 100;
/// What a thread of nice 10 gets beside one of 0.
const NICE: f64 = 0.1;

/// What a ticket does: computes and blocks in turn, in microseconds.
type Does = Vec<(u64, u64)>;

struct Route {
    does: fn(u64) -> Does,
    /// Clients that ask again when they are answered, and how long they think.
    clients: usize,
    thinks: u64,
}

struct Ticket {
    class: usize,
    came: u64,
    does: Does,
}

struct Running {
    ticket: Ticket,
    number: u64,
    length: Length,
    held: HeldPermits,
    began: u64,
    computed: u64,
    slept: u64,
    blocks: u64,
    is_turned: bool,
    stretch: Stretch,
}

impl Running {
    /// Whether it computes now, or else is blocked.
    fn computes(&self) -> bool {
        self.ticket
            .does
            .first()
            .is_some_and(|(computes, _)| *computes > 0)
    }

    fn hold(&mut self, held: HeldPermits, accounts: &PermitAccounts) {
        accounts.take(held);
        accounts.give_back(std::mem::replace(&mut self.held, held));
    }
}

struct Machine {
    classes: Vec<Route>,
    gauges: Vec<Arc<ClassLoad>>,
    orders: [FairQueue<Ticket>; 2],
    accounts: PermitAccounts,
    running: Vec<Running>,
    /// The asker, and when it asks.
    asks: Vec<(u64, usize)>,
    now: u64,
    start: Instant,
    number: u64,
    /// The time from coming to the end, by class, in milliseconds.
    took: Vec<Vec<f64>>,
    /// Threads that compute or want to, by step.
    runnable: Vec<usize>,
}

impl Machine {
    fn new(classes: Vec<Route>) -> Self {
        let gauges: Vec<Arc<ClassLoad>> = classes.iter().map(|_| Arc::default()).collect();
        let terms = Terms {
            threads_max: 512,
            thread_worth: 0.01,
            weight_least: 1,
            queue_wait: None,
        };
        let start = clock::now();
        let order = || FairQueue::new(terms, &gauges, |_| false, start);
        let asks = classes.iter().enumerate();
        Self {
            orders: [order(), order()],
            accounts: PermitAccounts::new(Some(CORES)),
            running: Vec::new(),
            asks: asks
                .flat_map(|(class, of)| (0..of.clients).map(move |client| (client as u64, class)))
                .collect(),
            now: 0,
            start,
            number: 0,
            took: classes.iter().map(|_| Vec::new()).collect(),
            runnable: Vec::new(),
            gauges,
            classes,
        }
    }

    fn at(&self) -> Instant {
        self.start + Duration::from_micros(self.now)
    }

    /// Runs for so many milliseconds.
    fn run(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds * 1_000 / STEP {
            self.now += STEP;
            self.come();
            if self.now.is_multiple_of(1_000) {
                self.scan();
            }
            self.start_tickets();
            self.compute();
            self.end_tickets();
        }
    }

    fn come(&mut self) {
        let (now, at) = (self.now, self.at());
        for (_, class) in self.asks.extract_if(.., |(when, _)| *when <= now) {
            self.number += 1;
            let ticket = Ticket {
                class,
                came: now,
                does: (self.classes[class].does)(self.number),
            };
            let length = self.gauges[class].length();
            self.orders[length as usize].push(class, ticket, at);
        }
    }

    fn start_tickets(&mut self) {
        let at = self.at();
        let handed: Vec<_> = self.orders[0].take_long().collect();
        for ticket in handed {
            self.orders[1].push(ticket.class, ticket, at);
        }
        for length in Length::BOTH {
            let accounts = &self.accounts;
            let order = &mut self.orders[length as usize];
            let room = |needs| accounts.room(length, needs);
            while let Pick::Run { ticket, held, .. } =
                order.pick(|| at, Asker::Worker, room, &mut Vec::new())
            {
                accounts.take(held);
                self.number += 1;
                self.running.push(Running {
                    ticket,
                    number: self.number,
                    length,
                    held,
                    began: self.now,
                    computed: 0,
                    slept: 0,
                    blocks: 0,
                    is_turned: false,
                    stretch: Stretch::default(),
                });
            }
        }
    }

    /// Shares the processors out, one at most to each.
    fn compute(&mut self) {
        let weight = |running: &Running| match running.length {
            Length::Short => 1.0,
            Length::Long => NICE,
        };
        let runnable = || self.running.iter().filter(|of| of.computes());
        let all: f64 = runnable().map(weight).sum();
        self.runnable.push(runnable().count());
        for running in &mut self.running {
            let share = (CORES * weight(running) / all).min(1.0);
            let Some((computes, sleeps)) = running.ticket.does.first_mut() else {
                continue;
            };
            if *computes > 0 {
                let computed = ((STEP as f64 * share) as u64).clamp(1, *computes);
                *computes -= computed;
                running.computed += computed;
                running.blocks += u64::from(*computes == 0 && *sleeps > 0);
            } else {
                let slept = (*sleeps).min(STEP);
                *sleeps -= slept;
                running.slept += slept;
            }
            if *computes == 0 && *sleeps == 0 {
                running.ticket.does.remove(0);
            }
        }
    }

    fn end_tickets(&mut self) {
        let now = self.now;
        let is_over = |of: &mut Running| of.ticket.does.is_empty();
        for ended in self.running.extract_if(.., is_over) {
            let class = ended.ticket.class;
            let wall_ns = (now - ended.began + STEP) * 1_000;
            let timing = Timing {
                wall_ns,
                detail: Some(Detail {
                    cpu_ns: ended.computed * 1_000,
                    blocked_ns: ended.slept * 1_000,
                    delay_ns: wall_ns.saturating_sub((ended.computed + ended.slept) * 1_000),
                }),
                ..Timing::default()
            };
            self.accounts.give_back(ended.held);
            self.orders[ended.length as usize].end(class, timing.detail.as_ref());
            if let Some(stretch_ns) = job_length::stretch_ns(&timing)
                && (!ended.is_turned || stretch_ns >= job_length::CERTAIN_NS)
            {
                self.gauges[class].note_stretch(stretch_ns, || now * 1_000);
            }
            self.took[class].push((now - ended.ticket.came) as f64 / 1e3);
            self.asks.push((now + self.classes[class].thinks, class));
        }
    }

    fn scan(&mut self) {
        let accounts = &self.accounts;
        for running in &mut self.running {
            let (computed, blocks) = (running.computed * 1_000, running.blocks);
            let number = running.number * 4;
            let found = running
                .stretch
                .look(number, || Some(computed), || Some(blocks));
            let gauge = &self.gauges[running.ticket.class];
            let weight = gauge.weight();
            if let Found::Long(stretch_ns) = found {
                gauge.note_stretch(stretch_ns, || self.now * 1_000);
                if running.length == Length::Short {
                    (running.length, running.is_turned) = (Length::Long, true);
                    running.hold(HeldPermits::of(Account::Long, weight), accounts);
                    continue;
                }
            }
            let account = match running.length {
                Length::Short => Account::Short,
                Length::Long => Account::Long,
            };
            match (running.held != HeldPermits::NOTHING, running.computes()) {
                (true, false) => running.hold(HeldPermits::NOTHING, accounts),
                (false, true) => running.hold(HeldPermits::of(account, weight), accounts),
                _ => {}
            }
        }
    }

    /// The middle and the 99th percentile of a class, in milliseconds.
    fn took(&self, class: usize) -> (f64, f64) {
        let mut took = self.took[class].clone();
        took.sort_by(f64::total_cmp);
        (took[took.len() / 2], took[took.len() * 99 / 100])
    }

    /// At most, and in 95 of 100 steps.
    fn runnable(&self) -> (usize, usize) {
        let mut runnable = self.runnable.clone();
        runnable.sort_unstable();
        (
            runnable[runnable.len() - 1],
            runnable[runnable.len() * 95 / 100],
        )
    }
}

/// Half a millisecond, about a hundred times a second.
fn short() -> Route {
    Route {
        does: |_| vec![(500, 0)],
        clients: 1,
        thinks: 9_500,
    }
}

fn in_closed_loop(clients: usize, does: fn(u64) -> Does) -> Route {
    Route {
        does,
        clients,
        thinks: 0,
    }
}

#[test]
fn a_short_class_passes_four_clients_on_300_milliseconds() {
    let mut machine = Machine::new(vec![short(), in_closed_loop(4, |_| vec![(300_000, 0)])]);
    machine.run(10_000);
    let (p50, p99) = machine.took(0);
    assert!(p50 < 1.0 && p99 < 3.0, "{p50} {p99}");
    // All but what the short one takes.
    assert!(machine.took[1].len() >= 60, "{}", machine.took[1].len());
    assert!(machine.runnable().1 <= 3, "{:?}", machine.runnable());
}

#[test]
fn ten_long_classes_beside_a_short_one_take_turns_among_themselves() {
    let long = (0..10).map(|_| in_closed_loop(1, |_| vec![(60_000, 0)]));
    let mut machine = Machine::new(std::iter::once(short()).chain(long).collect());
    machine.run(10_000);
    let (p50, p99) = machine.took(0);
    assert!(p50 < 1.0 && p99 < 3.0, "{p50} {p99}");
    let each: Vec<_> = machine.took[1..].iter().map(Vec::len).collect();
    let (least, most) = (each.iter().min(), each.iter().max());
    assert!(
        least.is_some_and(|least| least * 5 >= most.unwrap_or(&0) * 4),
        "{each:?}"
    );
    // Their first runs all at once, and then two at a time.
    machine.runnable.drain(..10_000);
    assert!(machine.runnable().1 <= 3, "{:?}", machine.runnable());
}

#[test]
fn thirty_two_clients_on_5_milliseconds_are_never_many_runnable_threads() {
    let mut machine = Machine::new(vec![in_closed_loop(32, |_| vec![(5_000, 0)])]);
    machine.run(5_000);
    let (most, mostly) = machine.runnable();
    assert!(most <= 5 && mostly <= 2, "{most} {mostly}");
    assert!(machine.took[0].len() >= 1_900);
}

#[test]
fn a_class_of_1_or_300_milliseconds_waits_with_the_long_ones() {
    let bimodal = |number: u64| match number % 20 {
        0 => vec![(300_000, 0)],
        _ => vec![(1_000, 0)],
    };
    let mut machine = Machine::new(vec![short(), in_closed_loop(8, bimodal)]);
    machine.run(10_000);
    let (p50, p99) = machine.took(0);
    assert!(p50 < 1.0 && p99 < 7.0, "{p50} {p99}");
    assert_eq!(machine.gauges[1].length(), Length::Long);
    // Its first runs begin before it is known, and then two compute at a time.
    machine.runnable.drain(..10_000);
    assert!(machine.runnable().1 <= 3, "{:?}", machine.runnable());
}

#[test]
fn a_class_that_turns_long_holds_its_neighbour_up_once() {
    let turns = |number: u64| vec![(if number < 2_000 { 1_000 } else { 200_000 }, 0)];
    let mut machine = Machine::new(vec![short(), in_closed_loop(4, turns)]);
    machine.run(10_000);
    let slow = machine.took[0].iter().filter(|took| **took > 3.0).count();
    assert!(slow <= 8, "{slow} of {}", machine.took[0].len());
    assert!(machine.runnable().1 <= 3, "{:?}", machine.runnable());
}

/// Three milliseconds on a processor, one blocked, ten times over: its tickets weigh
/// three quarters, and its neighbour finds its turn within one of its stretches.
#[test]
fn a_class_that_blocks_and_computes_in_turn_stays_short() {
    let in_turn = |_| vec![(3_000, 1_000); 10];
    let mut machine = Machine::new(vec![short(), in_closed_loop(8, in_turn)]);
    machine.run(10_000);
    assert_eq!(machine.gauges[1].length(), Length::Short);
    let (p50, _) = machine.took(0);
    assert!(p50 < 45.0, "{p50}");
}

/// Of the long ones the shorter have a processor's worth of their own.
#[test]
fn middling_tickets_do_not_wait_for_very_long_ones() {
    let middling = Route {
        does: |_| vec![(10_000, 0)],
        clients: 1,
        thinks: 20_000,
    };
    let long = in_closed_loop(4, |_| vec![(300_000, 0)]);
    let mut machine = Machine::new(vec![middling, long]);
    machine.run(10_000);
    let (p50, p99) = machine.took(0);
    assert!(p50 < 20.0 && p99 < 40.0, "{p50} {p99}");
    assert!(machine.runnable().1 <= 3, "{:?}", machine.runnable());
}
