//! The engine in a program without a server: three kinds of work share one pool, and
//! the program prints what each of them cost.
//!
//! `cargo run -p hybrid-engine --example engine_alone`

use std::{error::Error, hint::black_box, time::Duration};

use hybrid_engine::{
    Class, Engine, Lane,
    balance::{Balancer, Balancing, Rules},
    pool::Limits,
};

const COMPUTES: usize = 0;
const BLOCKS: usize = 1;
const IS_BRIEF: usize = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let classes = vec![
        Class::on_pool(COMPUTES, "computes"),
        Class::on_pool(BLOCKS, "blocks"),
        Class::on_pool(IS_BRIEF, "is brief"),
    ];
    let engine = Engine::start(classes, Limits::default(), runtime.handle().clone())?;
    let balancer = Balancer::new(
        Balancing::Observe,
        Rules::default(),
        engine.classes.len(),
        runtime.handle(),
    );
    balancer.start(&engine)?;

    runtime.block_on(run_jobs(&engine));
    report(&engine);

    balancer.close();
    engine.pool.close();
    runtime.block_on(async {
        balancer.join().await;
        engine.pool.join().await;
    });
    Ok(())
}

/// Sixty-four callers; each runs one job of every class.
async fn run_jobs(engine: &Engine) {
    let callers = (0..64).map(|_| {
        let engine = engine.clone();
        tokio::spawn(async move {
            let computed = engine.run(COMPUTES, || {
                (1..200_000_u64).fold(0, |sum, n| sum ^ black_box(n))
            });
            let slept = engine.run(BLOCKS, || std::thread::sleep(Duration::from_millis(5)));
            let added = engine.run(IS_BRIEF, || 1 + black_box(1));
            let (computed, slept, added) = tokio::join!(computed, slept, added);
            computed.is_ok() && slept.is_ok() && added.is_ok()
        })
    });
    let callers: Vec<_> = callers.collect();
    for caller in callers {
        assert!(caller.await.unwrap_or(false), "no job was refused");
    }
}

#[expect(clippy::print_stdout, reason = "what the program is for")]
fn report(engine: &Engine) {
    engine.telemetry.merge();
    engine.telemetry.with_table(|table| {
        for class in engine.classes.iter() {
            let totals = table.class(class.id);
            let pool = totals.lane(Lane::Pool);
            let of_run = |sum_ns: u64| sum_ns / pool.samples.max(1) / 1_000;
            println!(
                "{:10} {:4} runs, {:5} µs on a processor, {:5} µs blocked, a run",
                class.name,
                pool.runs,
                of_run(pool.cpu_ns_sum),
                of_run(pool.blocked_ns_sum),
            );
        }
    });
}
