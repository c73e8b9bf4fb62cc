//! The metrics: the one place where their names, types, units and labels stand.
//! `docs/observability.md` explains them, which a test checks.

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows; its samples end in `_total`.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts by size, cumulative, with their sum.
    Histogram,
}

/// A metric.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Metric {
    /// Its name, with `_total` where it is a counter.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// What it is measured in: the end of its name; empty for plain numbers.
    pub unit: &'static str,
    /// What it is.
    pub kind: MetricKind,
    /// The labels that its samples may have.
    pub labels: &'static [&'static str],
}

macro_rules! metrics {
    ($($constant:ident: $kind:ident $name:literal $unit:literal $labels:tt $help:literal;)*) => {
        $(pub(super) const $constant: Metric = Metric {
            name: $name,
            help: $help,
            unit: $unit,
            kind: MetricKind::$kind,
            labels: &$labels,
        };)*

        /// Every metric, in the order in which they are written.
        pub const METRICS: &[Metric] = &[$($constant),*];
    };
}

metrics! {
    REQUEST_DURATION: Histogram "http_server_request_duration_seconds" "seconds"
        ["http_request_method", "http_route", "http_response_status_code", "url_scheme",
         "hybrid_lane", "error_type"]
        "From the head of a request to the head of its answer.";
    ACTIVE_REQUESTS: Gauge "http_server_active_requests" ""
        ["http_request_method", "http_route"]
        "Requests that have come and have no answer yet.";
    QUEUE: Histogram "hybrid_queue_seconds" "seconds"
        ["http_request_method", "http_route", "hybrid_lane"]
        "Waiting for a thread of the pool.";
    CPU: Histogram "hybrid_cpu_seconds" "seconds"
        ["http_request_method", "http_route", "hybrid_lane"]
        "Processor time of a handler's runs, of those that were sampled.";
    BLOCKED: Histogram "hybrid_blocked_seconds" "seconds"
        ["http_request_method", "http_route", "hybrid_lane"]
        "Time that a handler's runs were blocked or awaited something, of those that were sampled.";
    SHED: Counter "hybrid_shed_total" ""
        ["http_request_method", "http_route", "reason"]
        "Requests that were refused for lack of room or time.";
    VALIDATION_ERRORS: Counter "hybrid_validation_errors_total" ""
        ["http_request_method", "http_route", "in"]
        "Values of requests that were refused.";
    STALLS: Histogram "hybrid_loop_stall_seconds" "seconds"
        ["http_request_method", "http_route"]
        "How long polls held their event loop that held it for more than 10 ms.";
    MOVES: Counter "hybrid_moves_total" ""
        ["http_request_method", "http_route", "from", "to"]
        "Moves of routes between lanes.";
    POOL_THREADS: Gauge "hybrid_pool_threads" "" ["state"]
        "Threads of the pool.";
    POOL_LONG: Gauge "hybrid_pool_long_threads" "" []
        "Threads of the pool that run long computations, at a lower priority.";
    POOL_QUEUE: Gauge "hybrid_pool_queue_depth" "" []
        "Tickets that wait for a thread of the pool.";
    BODIES: Gauge "hybrid_bodies_bytes" "bytes" ["state"]
        "Bodies of requests in memory above 16 KiB each, and what is parsed of them at once, by a factor.";
    BODIES_LIMIT: Gauge "hybrid_bodies_limit_bytes" "bytes" []
        "How many bytes of bodies may be in either state.";
    WORKERS: Gauge "hybrid_process_workers" "" ["state"]
        "Worker processes of the process lane.";
    WORKER_RESTARTS: Counter "hybrid_process_restarts_total" "" ["reason"]
        "Worker processes that ended and were replaced, or could not be started.";
    WORKER_QUEUE: Gauge "hybrid_process_queue_depth" "" []
        "Calls that wait for a worker process.";
    WORKER_SEGMENTS: Gauge "hybrid_process_segment_bytes" "bytes" []
        "Shared memory for the bodies of process routes.";
    LOG_DROPPED: Counter "hybrid_log_dropped_total" "" []
        "Log lines that were lost, since standard error did not take them.";
    PROCESS_CPU: Counter "process_cpu_seconds_total" "seconds" []
        "Processor time of the process, user and system.";
    PROCESS_RESIDENT: Gauge "process_resident_memory_bytes" "bytes" []
        "Memory of the process that is resident.";
    PROCESS_VIRTUAL: Gauge "process_virtual_memory_bytes" "bytes" []
        "Address space of the process.";
    PROCESS_OPEN_FILES: Gauge "process_open_fds" "" []
        "Open files of the process.";
    PROCESS_FILES_MAX: Gauge "process_max_fds" "" []
        "Files that the process may open.";
    PROCESS_START: Gauge "process_start_time_seconds" "seconds" []
        "When the process started, in seconds since 1970.";
    PROCESS_THREADS: Gauge "process_threads" "" []
        "Threads of the process.";
}
