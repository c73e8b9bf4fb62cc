use super::*;

fn class(number: usize) -> HeldThread {
    HeldThread {
        class: number,
        is_confined: false,
        time: Duration::ZERO,
    }
}

/// Looks, as the clock says it is so many milliseconds later.
struct Story {
    slots: Arc<Slots>,
    watch: StallWatch,
    start: Instant,
    told: Vec<Sight>,
}

impl Story {
    fn new() -> Self {
        let slots = Slots::new(2);
        let start = slots.epoch;
        let watch = StallWatch::new(&slots, Duration::from_millis(10), start);
        Self {
            slots,
            watch,
            start,
            told: Vec::new(),
        }
    }

    fn look(&mut self, ms: u64) {
        let now = self.start + Duration::from_millis(ms);
        let told = &mut self.told;
        // What the system says of this thread, which runs the test, is not the
        // story's.
        for slot in &self.slots.slots {
            slot.thread.store(u32::MAX, Ordering::Relaxed);
        }
        self.watch.look(&self.slots, now, &mut |sight| {
            told.push(match sight {
                Sight::Holds(held) => Sight::Holds(HeldThread {
                    time: Duration::ZERO,
                    ..held
                }),
                Sight::Ended(held) => Sight::Ended(HeldThread {
                    time: Duration::ZERO,
                    ..held
                }),
            });
        });
    }
}

#[test]
fn a_poll_that_holds_its_loop_is_named_once_and_its_end_is_told() {
    let mut story = Story::new();
    let slots = Arc::clone(&story.slots);
    let watching = slots.watching(7);
    for ms in [3, 8] {
        story.look(ms);
    }
    assert_eq!(story.told, []);
    for ms in [13, 18, 23] {
        story.look(ms);
    }
    assert_eq!(story.told, [Sight::Holds(class(7))]);
    drop(watching);
    story.look(28);
    assert_eq!(story.told, [Sight::Holds(class(7)), Sight::Ended(class(7))]);
    story.look(33);
    assert_eq!(story.told.len(), 2);
}

#[test]
fn many_short_polls_are_no_long_one() {
    let mut story = Story::new();
    let slots = Arc::clone(&story.slots);
    for ms in 0..40 {
        let _watching = slots.watching(7);
        story.look(ms);
    }
    assert_eq!(story.told, []);
}

#[test]
fn an_inner_poll_gives_back_to_the_outer() {
    let mut story = Story::new();
    let slots = Arc::clone(&story.slots);
    let _outer = slots.watching(1);
    {
        let _inner = slots.watching(2);
        story.look(3);
    }
    for ms in [8, 13] {
        story.look(ms);
    }
    assert_eq!(story.told, [Sight::Holds(class(1))]);
}

#[test]
fn a_stall_that_ends_unmarked_is_told_by_the_next_look() {
    let mut story = Story::new();
    let slots = Arc::clone(&story.slots);
    let watching = slots.watching(7);
    for ms in [3, 8, 13] {
        story.look(ms);
    }
    // As if it had looked before it was marked.
    story.slots.slots[0].marked.store(0, Ordering::Relaxed);
    drop(watching);
    let _next = slots.watching(8);
    story.look(18);
    assert_eq!(story.told.len(), 2);
}

#[test]
fn quarantine_is_told_apart() {
    let mut story = Story::new();
    let slots = Arc::clone(&story.slots);
    let _watching = slots.watching_confined(7);
    for ms in [3, 8, 13] {
        story.look(ms);
    }
    let confined = HeldThread {
        is_confined: true,
        ..class(7)
    };
    assert_eq!(story.told, [Sight::Holds(confined)]);
}

#[test]
fn the_watch_rests_and_a_poll_wakes_it() {
    let mut story = Story::new();
    let slots = Arc::clone(&story.slots);
    slots.set_watch(std::thread::current());
    drop(slots.watching(7));
    let mut ms = 0;
    while story.watch.rest(&slots).is_some() {
        ms += 5;
        story.look(ms);
        assert!(ms < 10_000, "it never rests");
    }
    drop(slots.watching(7));
    story.watch.wake(&slots);
    assert_eq!(story.watch.rest(&slots), Some(LOOK));
    // The poll's unpark is taken.
    std::thread::park();
}

#[test]
fn a_slot_is_given_back_by_its_thread_and_there_are_only_so_many() {
    let slots = Slots::new(0);
    for _ in 0..3 * SPARE {
        let slots = Arc::clone(&slots);
        let thread = std::thread::Builder::new();
        let thread = thread.spawn(move || drop(slots.watching(1))).unwrap();
        thread.join().unwrap();
    }
    let claimed = slots
        .slots
        .iter()
        .filter(|slot| slot.claimed.load(Ordering::Relaxed));
    assert_eq!(claimed.count(), 0);
    slots.slots.iter().for_each(|slot| assert!(slot.claim()));
    // Unwatched, and nothing else.
    drop(slots.watching(1));
}
