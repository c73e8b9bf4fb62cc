//! Where work runs, and what it costs: the execution engine of hybrid.
//!
//! The engine runs closures on a thread pool, measures each run, and moves work between
//! kinds of threads. It knows nothing of HTTP: a web server, a command-line tool or a
//! queue consumer may use it. It needs a tokio runtime, whose timers it uses.
//!
//! ```
//! use std::time::Duration;
//!
//! use hybrid_engine::{Class, Engine, Lane, pool::Limits};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let runtime = tokio::runtime::Runtime::new()?;
//! // Jobs of one class run the same code: the pool learns what they cost.
//! let classes = vec![Class::on_pool(0, "checksum"), Class::on_pool(1, "lookup")];
//! let engine = Engine::start(classes, Limits::default(), runtime.handle().clone())?;
//!
//! let (sum, found) = runtime.block_on(async {
//!     tokio::join!(
//!         engine.run(0, || (0..10_000_u64).sum::<u64>()),
//!         engine.run(1, || {
//!             std::thread::sleep(Duration::from_millis(1));
//!             "found"
//!         }),
//!     )
//! });
//! assert_eq!((sum?, found?), (49_995_000, "found"));
//!
//! engine.telemetry.merge();
//! let runs = engine.telemetry.with_table(|table| table.class(0).lane(Lane::Pool).runs);
//! assert_eq!(runs, 1);
//! # Ok(())
//! # }
//! ```
//!
//! # The parts
//!
//! | module | what it does |
//! |---|---|
//! | [`Engine`], [`Class`], [`Lane`] | the parts of an engine; a class of work; where it runs |
//! | [`pool`] | threads: as many jobs compute at once as there are processors, and any number may block |
//! | [`ticket`] | which side owns a job: the caller that waits, or the worker that runs it |
//! | [`deadline`], [`far_deadlines`] | a deadline around a future; a timer for its last second alone |
//! | [`timing`], [`sampling`] | what one run cost, and which runs are measured in detail |
//! | [`process`] | worker processes: opaque calls in, opaque answers out |
//! | [`telemetry`] | what runs cost: processor time, run-queue delay, blocked time |
//! | [`balance`] | decisions from measurements: lanes, concurrency limits, stalls, quarantine |
//! | [`background`], [`catch`] | threads that go on after a panic; panics of user code |
//! | [`clock`], [`os`] | the only reader of the clock; `/proc`, control groups, priorities |
//!
//! A job goes one way: [`Engine::run`] makes a ticket, the pool queues it and picks it by
//! fair queueing, a worker runs it, and the result comes back with a
//! [`Timing`](timing::Timing). The balancer's thread reads the sums ten times
//! a second. A job never waits for it.
//!
//! # Costs and limits
//!
//! Every queue has a bound, and a full queue refuses a job at once. A thread cannot be
//! stopped: a job whose caller has left runs to its end, and is counted as an orphan. On
//! systems other than Linux, run-queue delay and thread states are not known; blocked
//! time then includes the wait for a processor.
#![deny(unsafe_code)]
#![warn(clippy::needless_pass_by_value)]

pub mod background;
pub mod balance;
pub mod catch;
pub mod class;
pub mod clock;
pub mod deadline;
mod engine;
pub mod far_deadlines;
pub mod lane;
pub mod os;
pub mod pool;
pub mod process;
pub mod sampling;
#[doc(hidden)]
pub mod sync;
pub mod telemetry;
pub mod ticket;
pub mod timing;

pub use class::Class;
pub use engine::Engine;
pub use lane::Lane;
pub use pool::Pool;
