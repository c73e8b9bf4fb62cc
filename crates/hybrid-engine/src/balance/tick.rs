//! The balancer's thread. Every few milliseconds a look of the watch; every 100
//! a tick: merge, snapshot, decide, apply, publish, say.

use std::{
    convert::Infallible,
    io,
    sync::Arc,
    thread::{self, Thread},
    time::Duration,
};

use tokio::sync::mpsc::Sender;

use super::{
    BalancerShared, Balancing, hop_cost,
    log::Log,
    loop_load::LoopLoad,
    measured,
    policy::{self, State},
    quarantine::Quarantine,
    snapshot::{Decision, Move, Snapshot},
    stall_watch::{Sight, StallWatch},
};
use crate::{
    background::{self, Turn},
    catch::{Panicked, catch},
    clock::{self, Instant, nanoseconds},
    engine::Engine,
    lane::Lane,
};

/// How often it decides.
const TICK: Duration = Duration::from_millis(100);

/// How often the processors are counted, in ticks: a container's share changes
/// rarely, and counting reads files.
const CORES_EVERY: u64 = 100;

const NAME: &str = "hybrid-balancer";

/// Starts the thread.
pub(super) fn start(
    shared: Arc<BalancerShared>,
    engine: Engine,
    alive: Sender<Infallible>,
) -> io::Result<Thread> {
    let ticker = Ticker::new(shared, engine, alive);
    let thread = thread::Builder::new().name(NAME.to_owned());
    let handle = thread.spawn(move || {
        // It may be the last to hold the pool, whose jobs may need the context of a
        // runtime to be dropped.
        let _context = ticker.engine.runtime.clone();
        let _context = _context.enter();
        ticker.run();
    })?;
    // Not joined: `Balancer::join` waits for its `alive`.
    Ok(handle.thread().clone())
}

struct Ticker {
    shared: Arc<BalancerShared>,
    engine: Engine,
    watch: StallWatch,
    loops: LoopLoad,
    log: Log,
    state: State,
    /// Polls that were named and polls' lengths, since the last tick.
    stalls: Vec<Stalled>,
    advice: Vec<Option<String>>,
    sheds: measured::Sheds,
    start: Instant,
    ticks: u64,
    cores: f64,
    asked_for_hop: bool,
    alive: Sender<Infallible>,
}

#[derive(Clone, Copy, Default)]
struct Stalled {
    count: u32,
    worst: Duration,
}

impl Ticker {
    fn new(shared: Arc<BalancerShared>, engine: Engine, alive: Sender<Infallible>) -> Self {
        let classes = engine.classes.len();
        let now = clock::now();
        Self {
            watch: StallWatch::new(&shared.slots, shared.rules.stall_min, now),
            loops: LoopLoad::new(engine.runtime.clone(), now),
            log: Log::new(engine.classes.iter().map(|class| &**class)),
            state: State::default(),
            stalls: vec![Stalled::default(); classes],
            advice: vec![None; classes],
            sheds: measured::Sheds::new(classes),
            start: now,
            ticks: 0,
            cores: 1.0,
            asked_for_hop: false,
            shared,
            engine,
            alive,
        }
    }

    /// A panic ends one turn and no more: far deadlines hang on this thread.
    fn run(mut self) {
        let mut next = self.start + TICK;
        background::run(NAME, || self.turn(&mut next));
    }

    fn turn(&mut self, next: &mut Instant) -> Turn {
        background::fail_here(NAME);
        if self.shared.is_stopping() {
            return Turn::Over;
        }
        let now = clock::now();
        if now >= *next {
            // A tick that was missed is not made up for, nor is one that panics.
            *next = clock::now() + TICK;
            self.tick(now);
            *next = clock::now() + TICK;
        }
        self.look(clock::now());
        let until_tick = next.saturating_duration_since(clock::now());
        let rest = self.watch.rest(&self.shared.slots);
        thread::park_timeout(rest.map_or(until_tick, |rest| rest.min(until_tick)));
        self.watch.wake(&self.shared.slots);
        Turn::Again
    }

    /// Sees what holds a loop, and says so.
    fn look(&mut self, now: Instant) {
        let Self {
            watch,
            shared,
            log,
            stalls,
            ..
        } = self;
        watch.look(&shared.slots, now, &mut |sight| match sight {
            Sight::Holds(held) => {
                log.holds(&held, now);
                stalls[held.class].count += 1;
                stalls[held.class].note(held.time);
                if !held.is_confined {
                    shared.published().stalls += 1;
                }
            }
            Sight::Ended(held) => {
                stalls[held.class].note(held.time);
                if !held.is_confined {
                    shared.published().stalled(held.class, held.time);
                }
            }
        });
    }

    fn tick(&mut self, now: Instant) {
        if self.ticks.is_multiple_of(CORES_EVERY) {
            self.cores = thread::available_parallelism().map_or(1.0, |cores| count(cores.get()));
        }
        self.ticks += 1;
        self.engine.far_deadlines.wake_near(now);
        self.engine.telemetry.merge();
        let (utilisation, lag) = self.loops.look(now);
        {
            let mut published = self.shared.published();
            published.ticks = self.ticks;
            published.utilisation = utilisation;
            published.lag = lag;
        }
        self.sheds.say(&self.engine, &mut self.log, now);
        if self.shared.power != Balancing::Off {
            self.balance(now);
        }
    }

    fn balance(&mut self, now: Instant) {
        let snapshot = self.snapshot();
        let rules = &self.shared.rules;
        let mut decision = policy::decide(rules, &mut self.state, &snapshot, now - self.start);
        let is_on = self.shared.power == Balancing::On;
        if !is_on {
            // A limit that is not in force is not published.
            let verdicts = decision.verdicts.iter_mut();
            verdicts.for_each(|verdict| verdict.limit = None);
        }
        let made: Vec<bool> = decision
            .moves
            .iter()
            .map(|moved| is_on && self.apply(moved))
            .collect();
        if is_on {
            for (class, limit) in &decision.limits {
                self.engine.pool.set_limit(*class, *limit);
            }
        }
        self.say(&decision, &made);
        let is_made = |wanted: &Move| {
            let moves = decision.moves.iter().zip(&made);
            moves
                .into_iter()
                .any(|(moved, made)| *made && moved == wanted)
        };
        self.shared
            .published()
            .publish(&decision, clock::wall(), is_made);
        if decision.wants_hop && !self.asked_for_hop {
            self.asked_for_hop = true;
            self.measure_hop();
        }
    }

    fn snapshot(&mut self) -> Snapshot {
        let mut classes = measured::classes(&self.engine);
        let known = self.stalls.iter_mut().zip(&self.shared.reported);
        for (class, (stalled, reported)) in classes.iter_mut().zip(known) {
            let Stalled { count, worst } = std::mem::take(stalled);
            class.stalls = count;
            class.stall_worst_ns = nanoseconds(worst);
            class.violation = reported.take();
        }
        Snapshot {
            cores: self.cores,
            loops: self.loops.count(),
            hop_ns: self.shared.hop_ns.get().copied(),
            classes,
        }
    }

    /// Moves a class; whether it was moved.
    fn apply(&self, moved: &Move) -> bool {
        if moved.to == Lane::Quarantine
            && let Err(error) = self.make_quarantine()
        {
            tracing::error!(target: "hybrid::balancer", %error, "there is no quarantine");
            return false;
        }
        self.engine.classes[moved.class]
            .effective_lane
            .set(moved.to);
        true
    }

    fn make_quarantine(&self) -> io::Result<()> {
        let quarantine = &self.shared.quarantine;
        if quarantine.get().is_none() {
            let made = Quarantine::start(self.engine.pool.limits().queue_depth)?;
            quarantine.get_or_init(|| made);
            if self.shared.is_stopping() {
                // Closed before it was there.
                quarantine.get().into_iter().for_each(Quarantine::close);
            }
        }
        Ok(())
    }

    fn say(&mut self, decision: &Decision, made: &[bool]) {
        for (moved, made) in decision.moves.iter().zip(made) {
            self.log.moved(moved, *made);
        }
        for (class, verdict) in decision.verdicts.iter().enumerate() {
            let said = &mut self.advice[class];
            // Its numbers may change; that there is some is news once.
            if let (None, Some(advice)) = (&said, &verdict.advice) {
                self.log.advises(class, advice);
            }
            said.clone_from(&verdict.advice);
        }
    }

    /// On a thread of its own, since it waits for the pool.
    fn measure_hop(&self) {
        let mut classes = self.engine.classes.iter();
        let Some(class) = classes.find(|class| class.lane == Lane::Pool) else {
            return;
        };
        let (shared, class) = (Arc::clone(&self.shared), Arc::clone(class));
        let (engine, alive) = (self.engine.clone(), self.alive.clone());
        let thread = thread::Builder::new().name("hybrid-hop".to_owned());
        let spawned = thread.spawn(move || {
            if let Err(Panicked(panic)) = catch(|| hop_cost::measure(&shared, &engine, &class)) {
                shared.hop_ns.get_or_init(|| shared.rules.hop_default_ns);
                background::quietly(|| tracing::error!(panic, "measuring a hop panicked"));
            }
            let runtime = engine.runtime.clone();
            let _context = runtime.enter();
            drop((engine, shared));
            // `Balancer::join` waits for this one as well.
            drop(alive);
        });
        if spawned.is_err() {
            let hop_ns = self.shared.rules.hop_default_ns;
            self.shared.hop_ns.get_or_init(|| hop_ns);
        }
    }
}

impl Stalled {
    fn note(&mut self, time: Duration) {
        self.worst = self.worst.max(time);
    }
}

fn count(cores: usize) -> f64 {
    u32::try_from(cores).map_or(f64::MAX, f64::from)
}
