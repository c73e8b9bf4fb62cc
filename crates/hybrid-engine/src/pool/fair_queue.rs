//! Which ticket runs next. A plain data structure: it knows no threads and reads
//! no clock.
//!
//! Routes take turns by what their tickets cost (start-time fair queueing:
//! P. Goyal, H. Vin and H. Cheng, 1996): each has a tag that grows by its charge
//! whenever one of its tickets starts, and the lowest tag goes first. So a short
//! class beside a long one waits for what runs, never for what queues. Within a
//! class it is first come, first served; in overload, last come.
//!
//! What keeps a class back: its adaptive limit, half of the threads while others
//! wait, and too few permits for its weight. Then lighter tickets may pass it, but
//! not for long.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::{
    class_load::ClassLoad,
    job_cost::GATHERED_NS,
    job_length::Length,
    overload::Overload,
    permits::{Account, HeldPermits},
    start_rate::StartRate,
};
use crate::{clock::Instant, timing::Detail};

/// How long lighter tickets pass one that finds no room.
const PASSED_MAX: Duration = Duration::from_millis(10);

/// How far a class may lag behind the others with its turns, by its tag. A class
/// that found no room does not make up for all of it later, while others wait.
const LAG_NS_MAX: u64 = 10_000_000;

/// How many tickets that are over, or refused, one pick looks at.
const DISCARDED_MAX: usize = 64;

/// What the order goes by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// Threads at most, the reserved one left aside.
    pub(super) threads_max: usize,
    /// What a blocked thread is worth beside a computing one.
    pub(super) thread_worth: f64,
    /// The least weight of a ticket.
    pub(super) weight_least: i64,
    /// `queue_wait`, where overload is looked for.
    pub(super) queue_wait: Option<Duration>,
}

pub(super) struct FairQueue<T> {
    terms: Terms,
    classes: Vec<Queue<T>>,
    /// The classes of which tickets wait.
    active: Vec<usize>,
    /// The tag of the ticket that started last.
    tag: u64,
    overload: Option<Overload>,
    /// Since when a ticket has been passed.
    passed_since: Option<Instant>,
    /// Whether a ticket is over, and need not run.
    is_over: fn(&T) -> bool,
    waiting: usize,
    /// Workers that run something brief and look meanwhile.
    briefs: u64,
}

struct Queue<T> {
    tickets: VecDeque<Waiting<T>>,
    gauge: Arc<ClassLoad>,
    tag: u64,
    pace: StartRate,
}

struct Waiting<T> {
    ticket: T,
    since: Instant,
}

/// Which kind of worker asks for a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// A thread of the pool.
    Worker,
    /// The thread beyond the last, for classes that hold none.
    Reserve,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pick<T> {
    /// This runs, and holds so much.
    Run {
        ticket: T,
        class: usize,
        held: HeldPermits,
    },
    /// A ticket of that weight waits for permits.
    NoRoom { weight: i64 },
    /// Nothing waits, or only what its limits keep back.
    Nothing,
}

/// What a ticket must find room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Needs {
    pub(super) weight: i64,
    /// Whether its class's runs are far shorter than the longest there are.
    pub(super) is_middling: bool,
}

/// A ticket that will not run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Discarded<T> {
    /// Its waiter has given it up.
    Over(T),
    /// It is refused, since the pool is overloaded.
    Shed(T),
}

impl<T> FairQueue<T> {
    pub(super) fn new(
        terms: Terms,
        gauges: &[Arc<ClassLoad>],
        is_over: fn(&T) -> bool,
        now: Instant,
    ) -> Self {
        Self {
            terms,
            classes: gauges.iter().map(Queue::new).collect(),
            active: Vec::new(),
            tag: 0,
            overload: terms.queue_wait.map(|wait| Overload::new(wait, now)),
            passed_since: None,
            is_over,
            waiting: 0,
            briefs: 0,
        }
    }

    /// Tickets that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn push(&mut self, class: usize, ticket: T, since: Instant) {
        let queue = &mut self.classes[class];
        if queue.tickets.is_empty() {
            self.active.push(class);
            queue.pace.rest();
        }
        queue.tickets.push_back(Waiting { ticket, since });
        self.waiting += 1;
        if let Some(overload) = &mut self.overload {
            overload.note_came(1);
        }
    }

    /// Tickets were refused before they came here.
    pub(super) fn note_refused(&mut self, tickets: u64) {
        if let Some(overload) = &mut self.overload {
            overload.note_came(tickets);
        }
    }

    /// Whether a ticket of that class, and what waits behind it, is over before
    /// another worker could be woken for it: then its worker looks meanwhile. Each
    /// such is followed by [`end_brief`](Self::end_brief).
    pub(super) fn begin_brief(&mut self, class: usize) -> bool {
        let cost = self.classes[class].gauge.cost();
        let all_ns = cost.expected_ns().saturating_add(self.expected_ns());
        // As many as look share what waits.
        let is_brief = cost.is_brief() && all_ns < GATHERED_NS * (self.briefs + 1);
        self.briefs += u64::from(is_brief);
        is_brief
    }

    pub(super) fn end_brief(&mut self) {
        self.briefs -= 1;
    }

    /// Whether a ticket of that class has run to its end.
    pub(super) fn knows(&self, class: usize) -> bool {
        self.classes[class].gauge.cost().is_known()
    }

    /// Tickets of that class were seen in the middle of their run: blocked, all of
    /// them, or not.
    pub(super) fn note_seen(&mut self, class: usize, is_blocked: bool) {
        let least = self.terms.weight_least;
        let gauge = &self.classes[class].gauge;
        let mut cost = gauge.cost();
        cost.note_seen(is_blocked);
        gauge.set_cost(cost, least);
    }

    /// How many tickets could start at once with so much of permits left.
    pub(super) fn startable(&self, left: i64) -> usize {
        let Some(first) = self.next(Asker::Worker, |_| true) else {
            return 0;
        };
        let queue = &self.classes[first];
        let by_permits = usize::try_from(left / self.weight(first).max(1)).unwrap_or(0);
        let by_limit = queue.gauge.limit().saturating_sub(queue.gauge.running());
        by_permits.min(by_limit).min(queue.tickets.len())
    }

    /// How long what waits would take, one after the other.
    fn expected_ns(&self) -> u64 {
        let of_each = self.active.iter().map(|class| {
            let queue = &self.classes[*class];
            let tickets = queue.tickets.len() as u64;
            tickets.saturating_mul(queue.gauge.cost().expected_ns())
        });
        of_each.fold(0, u64::saturating_add)
    }

    /// Since when the ticket waits that has waited longest.
    pub(super) fn oldest(&self) -> Option<Instant> {
        let heads = self.active.iter();
        heads
            .filter_map(|class| Some(self.classes[*class].tickets.front()?.since))
            .min()
    }

    /// A ticket of that class has run.
    pub(super) fn end(&mut self, class: usize, detail: Option<&Detail>) {
        let least = self.terms.weight_least;
        let gauge = &self.classes[class].gauge;
        gauge.end();
        if let Some(detail) = detail {
            gauge.learn(detail, least);
        }
        if let Some(overload) = &mut self.overload {
            overload.note_ended();
        }
    }

    /// Whether a class has tickets waiting and none running.
    pub(super) fn starves(&self) -> bool {
        let mut active = self.active.iter();
        active.any(|class| self.classes[*class].gauge.running() == 0)
    }

    /// Takes the ticket that is next, if there is room for it. Those that will
    /// not run are put aside, for the caller to drop outside of its lock.
    pub(super) fn pick(
        &mut self,
        now: impl FnOnce() -> Instant,
        asker: Asker,
        room: impl Fn(Needs) -> Option<Account>,
        aside: &mut Vec<Discarded<T>>,
    ) -> Pick<T> {
        if self.active.is_empty() {
            if let Some(overload) = &mut self.overload {
                overload.note_empty();
            }
            return Pick::Nothing;
        }
        let now = now();
        self.discard(now, aside);
        self.watch_overload(now);
        let Some(first) = self.next(asker, |_| true) else {
            return Pick::Nothing;
        };
        let needs = self.needs(first);
        if let Some(account) = room(needs) {
            self.passed_since = None;
            return self.start(first, account, now);
        }
        let passed_since = *self.passed_since.get_or_insert(now);
        let may_pass = now.saturating_duration_since(passed_since) < PASSED_MAX;
        let passes = |class: usize| {
            let account = room(self.needs(class))?;
            // What is kept for it is nothing that the others wait for.
            (may_pass || account == Account::Middling).then_some(account)
        };
        let lighter = self.next(asker, |class| passes(class).is_some());
        match lighter.and_then(|class| Some((class, passes(class)?))) {
            Some((lighter, account)) => self.start(lighter, account, now),
            None => Pick::NoRoom {
                weight: needs.weight,
            },
        }
    }

    /// Takes out the tickets of classes that are long by now.
    pub(super) fn take_long(&mut self) -> impl Iterator<Item = T> {
        let mut taken = VecDeque::new();
        let mut index = 0;
        while let Some(class) = self.active.get(index) {
            let queue = &mut self.classes[*class];
            if queue.gauge.length() == Length::Long {
                taken.append(&mut queue.tickets);
                self.active.swap_remove(index);
            } else {
                index += 1;
            }
        }
        self.waiting -= taken.len();
        taken.into_iter().map(|waiting| waiting.ticket)
    }

    /// Takes out everything that is over, wherever it stands.
    pub(super) fn sweep(&mut self, now: Instant, aside: &mut Vec<Discarded<T>>) {
        let is_over = self.is_over;
        for class in &self.active {
            let tickets = &mut self.classes[*class].tickets;
            if !tickets.iter().any(|waiting| is_over(&waiting.ticket)) {
                continue;
            }
            let all = std::mem::take(tickets);
            for waiting in all {
                if is_over(&waiting.ticket) {
                    aside.push(Discarded::Over(waiting.ticket));
                    self.waiting -= 1;
                } else {
                    tickets.push_back(waiting);
                }
            }
        }
        self.discard(now, aside);
        self.watch_overload(now);
    }

    /// Takes out everything.
    pub(super) fn take_all(&mut self) -> Vec<T> {
        let tickets = self.classes.iter_mut();
        let all = tickets.flat_map(|class| std::mem::take(&mut class.tickets));
        let all = all.map(|waiting| waiting.ticket).collect();
        self.active.clear();
        self.waiting = 0;
        all
    }

    fn needs(&self, class: usize) -> Needs {
        Needs {
            weight: self.weight(class),
            is_middling: self.classes[class].gauge.recent.load().is_middling(),
        }
    }

    fn weight(&self, class: usize) -> i64 {
        let cost = self.classes[class].gauge.cost();
        cost.weight(self.terms.weight_least)
    }

    /// The class whose turn it is, among those that may start one.
    fn next(&self, asker: Asker, may: impl Fn(usize) -> bool) -> Option<usize> {
        let half = (self.terms.threads_max / 2).max(1);
        let several = self.active.len() > 1;
        let candidates = self.active.iter().copied().filter(|class| {
            let queue = &self.classes[*class];
            let running = queue.gauge.running();
            let is_free = running < queue.gauge.limit();
            let is_asked = asker == Asker::Worker || running == 0;
            is_free && is_asked && may(*class)
        });
        candidates.min_by_key(|class| {
            let queue = &self.classes[*class];
            let since = queue.tickets.front().map(|first| first.since);
            let charge_ns = queue.gauge.cost().charge_ns(self.terms.thread_worth);
            let is_greedy = several && queue.gauge.running() >= half;
            (is_greedy, self.tag_of(queue), charge_ns, since)
        })
    }

    /// The tag of a class, or what it may lag behind at most.
    fn tag_of(&self, queue: &Queue<T>) -> u64 {
        queue.tag.max(self.tag.saturating_sub(LAG_NS_MAX))
    }

    fn start(&mut self, class: usize, account: Account, now: Instant) -> Pick<T> {
        let is_overloaded = self.is_overloaded();
        let weight = self.weight(class);
        let tag = self.tag_of(&self.classes[class]);
        let queue = &mut self.classes[class];
        let taken = if is_overloaded {
            queue.tickets.pop_back()
        } else {
            queue.tickets.pop_front()
        };
        let Some(Waiting { ticket, .. }) = taken else {
            return Pick::Nothing;
        };
        self.waiting -= 1;
        queue.gauge.start();
        self.tag = self.tag.max(tag);
        queue.tag = tag + queue.gauge.cost().charge_ns(self.terms.thread_worth);
        queue.pace.start(now);
        queue.gauge.set_interval(queue.pace.interval());
        if queue.tickets.is_empty() {
            self.active.retain(|active| *active != class);
        }
        Pick::Run {
            ticket,
            class,
            held: HeldPermits::of(account, weight),
        }
    }

    fn is_overloaded(&self) -> bool {
        self.overload.as_ref().is_some_and(Overload::is_on)
    }

    fn watch_overload(&mut self, now: Instant) {
        let waited = self
            .oldest()
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        if let Some(overload) = &mut self.overload {
            overload.note_head(now, waited);
        }
    }

    /// Takes out what is over at the heads of the queues, and what overload
    /// refuses.
    fn discard(&mut self, now: Instant, aside: &mut Vec<Discarded<T>>) {
        let mut left = DISCARDED_MAX;
        for class in &self.active {
            let queue = &mut self.classes[*class];
            while let Some(first) = queue.tickets.front()
                && left > 0
            {
                let waited = now.saturating_duration_since(first.since);
                let is_over = (self.is_over)(&first.ticket);
                let is_shed = self.overload.as_ref().is_some_and(|o| o.sheds(waited));
                if !is_over && !is_shed {
                    break;
                }
                let first = queue.tickets.pop_front().map(|first| first.ticket);
                aside.extend(first.map(|ticket| match is_over {
                    true => Discarded::Over(ticket),
                    false => Discarded::Shed(ticket),
                }));
                self.waiting -= 1;
                left -= 1;
            }
        }
        let classes = &self.classes;
        self.active
            .retain(|class| !classes[*class].tickets.is_empty());
    }
}

impl<T> Queue<T> {
    fn new(gauge: &Arc<ClassLoad>) -> Self {
        Self {
            tickets: VecDeque::new(),
            gauge: Arc::clone(gauge),
            tag: 0,
            pace: StartRate::default(),
        }
    }
}

#[cfg(all(test, not(hybrid_loom)))]
#[path = "fair_queue_tests.rs"]
mod tests;
