//! Shards and table together, without an application.

use std::{sync::Arc, time::Duration};

use super::{
    cells::{CODES_MAX, Outcome},
    series::AllSeries,
    shard::Shards,
    table::{LaneTotals, Table},
};
use crate::{
    clock,
    lane::Lane,
    timing::{Detail, Timing},
};

/// Two classes, the second with two methods: series 0, then 1 and 2 with their
/// sum 3.
fn two_classes() -> (Arc<Shards>, Table) {
    let methods: [&'static [&'static str]; 2] = [&["GET"], &["GET", "POST"]];
    let series = Arc::new(AllSeries::new(methods, &["GET"]));
    let shards = Shards::new(series.subjects().len());
    (shards, Table::new(series, clock::now()))
}

fn merge(table: &mut Table, shards: &Shards) {
    table.merge(&shards.all(), |_| 0, clock::now());
}

fn answered(lane: &LaneTotals, outcome: Outcome) -> u64 {
    let answers = lane.answers.iter().filter(|a| a.outcome == outcome);
    answers.map(|a| a.buckets.iter().sum::<u64>()).sum()
}

#[test]
fn requests_of_all_threads_add_up() {
    let (shards, mut table) = two_classes();
    let (begun, ended) = (200_u32, 150_u32);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..begun).for_each(|_| shards.write(|series| series[0].begin())));
            // On other threads than those that began them.
            scope.spawn(|| {
                for _ in 0..ended {
                    shards.write(|series| series[0].answer(Lane::Event, 500, 20_000_000));
                }
            });
        }
        for _ in 0..100 {
            merge(&mut table, &shards);
            assert!(table.class(0).in_flight <= u64::from(begun * 4));
        }
    });
    merge(&mut table, &shards);
    let totals = table.class(0);
    assert_eq!((totals.requests, totals.errors), (800, 600));
    assert_eq!(totals.in_flight, 200);
    let answers = &totals.lane(Lane::Event).answers[0];
    assert_eq!(answers.buckets[2], 600, "between 10 and 25 ms");
    assert_eq!(answers.sum_ns, 600 * 20_000_000);
    assert_eq!(table.class(1).requests, 0);
}

#[test]
fn a_class_with_several_methods_has_their_sum() {
    let (shards, mut table) = two_classes();
    shards.write(|series| {
        series[1].begin();
        series[2].begin();
        series[2].begin();
        series[2].answer(Lane::Pool, 200, 1);
        series[2].run(Lane::Pool, &Timing::default());
    });
    merge(&mut table, &shards);
    merge(&mut table, &shards);
    assert_eq!(table.series(1).requests, 1);
    assert_eq!(
        (table.series(2).requests, table.series(2).in_flight),
        (2, 1)
    );
    assert_eq!((table.class(1).requests, table.class(1).in_flight), (3, 2));
    assert_eq!(table.class(1).lane(Lane::Pool).runs, 1);
}

/// Whatever the codes and whichever thread met them first.
#[test]
fn a_client_makes_no_more_than_so_many_series() {
    let (shards, mut table) = two_classes();
    let codes = 200..300_u16;
    std::thread::scope(|scope| {
        for reversed in [false, true] {
            let (shards, codes) = (&shards, codes.clone());
            scope.spawn(move || {
                for number in 0..100 {
                    let number = if reversed { 99 - number } else { number };
                    let code = codes.start + number;
                    shards.write(|series| series[0].answer(Lane::Event, code, 1));
                }
            });
        }
    });
    merge(&mut table, &shards);
    merge(&mut table, &shards);
    let lane = table.class(0).lane(Lane::Event);
    assert_eq!(lane.answers.len(), CODES_MAX + 1);
    let of_codes: u64 = codes.map(|code| answered(lane, Outcome::Code(code))).sum();
    assert_eq!(of_codes + answered(lane, Outcome::Other), 200);
}

#[test]
fn a_client_that_left_is_an_outcome_of_its_own() {
    let (shards, mut table) = two_classes();
    shards.write(|series| {
        series[0].begin();
        series[0].leave(Lane::Event, 1_000_000);
    });
    merge(&mut table, &shards);
    let totals = table.class(0);
    assert_eq!((totals.requests, totals.in_flight), (1, 0));
    assert_eq!(answered(totals.lane(Lane::Event), Outcome::Left), 1);
}

#[test]
fn runs_are_summed_and_samples_apart() {
    let (shards, mut table) = two_classes();
    let detail = |blocked_ns| Detail {
        cpu_ns: 1_000_000,
        delay_ns: 500_000,
        blocked_ns,
    };
    let timing = |detail| Timing {
        queue_ns: 3_000_000,
        wall_ns: 4_000_000,
        detail,
    };
    shards.write(|series| {
        series[0].run(Lane::Pool, &timing(Some(detail(2_500_000))));
        series[0].run(Lane::Pool, &timing(Some(detail(50_000))));
        series[0].run(Lane::Pool, &timing(None));
    });
    merge(&mut table, &shards);
    let lane = table.class(0).lane(Lane::Pool);
    assert_eq!((lane.runs, lane.samples, lane.blocked_samples), (3, 2, 1));
    assert_eq!(lane.wall_ns_sum, 12_000_000);
    assert_eq!((lane.cpu_ns_sum, lane.delay_ns_sum), (2_000_000, 1_000_000));
    assert_eq!(lane.blocked_ns_sum, 2_550_000);
    assert_eq!(lane.queue_ns_sum, 9_000_000);
    assert_eq!(lane.queue.buckets.iter().sum::<u64>(), 3);
    assert_eq!(lane.cpu.buckets.iter().sum::<u64>(), 2);
    let median = lane.recent.run.quantile(0.5).unwrap();
    assert!(median.abs_diff(4_000_000) < 250_000, "{median}");
}

#[test]
fn the_past_is_halved_every_ten_seconds() {
    let (shards, mut table) = two_classes();
    let start = clock::now();
    let run = |wall_ns, count| {
        let timing = Timing {
            wall_ns,
            ..Timing::default()
        };
        (0..count).for_each(|_| shards.write(|series| series[0].run(Lane::Event, &timing)));
    };
    let median = |table: &Table| table.class(0).lane(Lane::Event).recent.run.quantile(0.5);
    run(1_000_000, 100);
    table.merge(&shards.all(), |_| 0, start);
    for seconds in [11, 22, 33] {
        run(100_000_000, 20);
        table.merge(&shards.all(), |_| 0, start + Duration::from_secs(seconds));
    }
    assert!(median(&table).unwrap() > 90_000_000);
}
