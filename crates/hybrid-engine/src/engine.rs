//! An engine: classes of work, the pool that runs them, and what is measured of them.

use std::{io, sync::Arc};

use tokio::runtime::Handle;

use crate::{
    class::Class,
    clock,
    far_deadlines::FarDeadlines,
    pool::{JobOptions, Limits, Pool, RunError},
    telemetry::Telemetry,
};

/// The code under which [`Engine::run`] counts a job that returned a value.
const DONE: u16 = 1;
/// The code of all others, which counts as an error.
const FAILED: u16 = 500;

/// The parts of a running engine. A clone shares them.
///
/// ```
/// use hybrid_engine::{Class, Engine, pool::Limits};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let runtime = tokio::runtime::Runtime::new()?;
/// let classes = vec![Class::on_pool(0, "sum")];
/// let engine = Engine::start(classes, Limits::default(), runtime.handle().clone())?;
/// let sum = runtime.block_on(engine.run(0, || (1..=100).sum::<u32>()))?;
/// assert_eq!(sum, 5050);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Engine {
    /// The runtime whose threads are the event loops.
    pub runtime: Handle,
    /// The classes, by their numbers.
    pub classes: Arc<[Arc<Class>]>,
    /// What is measured.
    pub telemetry: Arc<Telemetry>,
    /// The threads of plain functions.
    pub pool: Arc<Pool>,
    /// Deadlines that are far away. A [`Balancer`](crate::balance::Balancer) must run
    /// for them.
    pub far_deadlines: Arc<FarDeadlines>,
}

impl Engine {
    /// Starts a pool for these classes. Its threads start with the first jobs, and
    /// carry the context of that runtime.
    ///
    /// # Errors
    /// The system refuses a thread.
    ///
    /// # Panics
    /// The classes are not numbered from zero in their order.
    pub fn start(classes: Vec<Class>, limits: Limits, runtime: Handle) -> io::Result<Self> {
        let in_order = classes.iter().enumerate();
        assert!(
            in_order.into_iter().all(|(id, class)| class.id == id),
            "the classes are numbered from zero, in their order"
        );
        let classes: Arc<[_]> = classes.into_iter().map(Arc::new).collect();
        Ok(Self {
            telemetry: Arc::new(Telemetry::new(&classes, &[], 0)),
            pool: Arc::new(Pool::start(limits, classes.len(), runtime.clone())?),
            far_deadlines: Arc::default(),
            classes,
            runtime,
        })
    }

    /// Runs a closure on the pool as a job of that class, and counts it.
    ///
    /// # Errors
    /// The pool refuses the job, or it panics.
    ///
    /// # Panics
    /// There is no class of that number.
    ///
    /// # Cancel safety
    /// When the future is dropped before a thread has taken the job, the closure never
    /// runs. After that it runs to its end, and its value is dropped.
    pub async fn run<R: Send + 'static>(
        &self,
        class: usize,
        f: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, RunError> {
        self.run_with(class, JobOptions::default(), f).await
    }

    /// As [`run`](Self::run), with options.
    ///
    /// # Errors
    /// The pool refuses the job, its deadline passes, or it panics.
    ///
    /// # Panics
    /// There is no class of that number.
    pub async fn run_with<R: Send + 'static>(
        &self,
        class: usize,
        options: JobOptions<'_>,
        f: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, RunError> {
        let class = &self.classes[class];
        let variant = class.variants.first().copied().unwrap_or_default();
        let job = Counted {
            telemetry: &self.telemetry,
            in_flight: Some(self.telemetry.begun(Some(class), &variant, clock::now())),
        };
        let ran = self.pool.run(class, options, f).await;
        match &ran {
            Ok((_, timing)) => self.telemetry.ran(class, &variant, class.lane, timing),
            Err(error) => {
                if let Some(why) = error.shed() {
                    self.telemetry.shed(class, why);
                }
            }
        }
        job.end(if ran.is_ok() { DONE } else { FAILED });
        ran.map(|(value, _)| value)
    }
}

/// A job that is counted as left when its future is dropped before the end.
struct Counted<'a> {
    telemetry: &'a Telemetry,
    in_flight: Option<crate::telemetry::InFlight>,
}

impl Counted<'_> {
    fn end(mut self, code: u16) {
        if let Some(in_flight) = self.in_flight.take() {
            self.telemetry.answered(&in_flight, code);
        }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        if let Some(in_flight) = self.in_flight.take() {
            self.telemetry.left(&in_flight);
        }
    }
}
