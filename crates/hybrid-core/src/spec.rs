//! What is known about a route before the program runs: the constant that the
//! route macros emit, and the lane names. Pure facts; what a group or the
//! configuration adds to them is resolved in `app::build`.

use std::time::Duration;

pub use hybrid_engine::Lane;

/// What happens to a running handler whose client has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDisconnect {
    /// Drop an async handler's future; tell a plain handler's `Cancel`.
    Cancel,
    /// Let it finish; its answer goes nowhere.
    Detach,
}

/// How long a handler may take, from the complete body to the head of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// As the group or the configuration says (`request_timeout`, 30 s).
    Inherited,
    /// This long.
    After(Duration),
    /// No limit.
    Never,
}

/// The facts of one route, as its attribute states them.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct RouteSpec {
    /// The handler's name.
    pub name: &'static str,
    /// The methods it answers, in capitals.
    pub methods: &'static [&'static str],
    /// The path below its group's prefix, with `{name}` and `{*rest}`.
    pub path: &'static str,
    /// The file of the handler.
    pub file: &'static str,
    /// The line of the handler.
    pub line: u32,
    /// The module of the handler.
    pub module: &'static str,
    /// First paragraph of the doc comment, or `summary = ..`.
    pub summary: &'static str,
    /// Rest of the doc comment.
    pub description: &'static str,
    /// Tags in the API description.
    pub tags: &'static [&'static str],
    /// Operation id in the API description; empty means the handler's name.
    pub operation_id: &'static str,
    /// Marked as deprecated in the API description.
    pub deprecated: bool,
    /// Left out of the API description.
    pub hidden: bool,
    /// Its lane is written in the attribute, and not only what the signature
    /// makes it.
    pub lane_written: bool,
    /// `timeout = ..`.
    pub timeout: Timeout,
    /// `max_concurrency = ..`: running at once.
    pub max_concurrency: Option<usize>,
    /// `body_limit = ..` in bytes.
    pub body_limit: Option<usize>,
    /// `on_disconnect = ..`; by method where it is not written.
    pub on_disconnect: Option<OnDisconnect>,
    /// `worker_memory = ..`: what a worker process may have for its request, in
    /// bytes; as the configuration says where it is not written.
    pub worker_memory: Option<usize>,
    /// `worker_cpu = ..`: processor time of its request in a worker process, in
    /// seconds; as the configuration says where it is not written.
    pub worker_cpu_s: Option<u32>,
    /// `status = ..`: stands for 200.
    pub status: Option<u16>,
}

impl RouteSpec {
    /// The facts that every route has; the rest are defaults.
    pub const fn new(
        name: &'static str,
        methods: &'static [&'static str],
        path: &'static str,
    ) -> Self {
        Self {
            name,
            methods,
            path,
            file: "",
            line: 0,
            module: "",
            summary: "",
            description: "",
            tags: &[],
            operation_id: "",
            deprecated: false,
            hidden: false,
            lane_written: false,
            timeout: Timeout::Inherited,
            max_concurrency: None,
            body_limit: None,
            on_disconnect: None,
            worker_memory: None,
            worker_cpu_s: None,
            status: None,
        }
    }

    /// Where the handler stands.
    pub const fn at(self, file: &'static str, line: u32, module: &'static str) -> Self {
        Self {
            file,
            line,
            module,
            ..self
        }
    }

    /// The handler's name behind its module: `shop::users::list`.
    #[must_use]
    pub fn full_name(&self) -> String {
        match self.module {
            "" => self.name.to_owned(),
            module => format!("{module}::{}", self.name),
        }
    }

    /// The summary in the API description.
    pub const fn summary(self, summary: &'static str) -> Self {
        Self { summary, ..self }
    }

    /// The description in the API description.
    pub const fn description(self, description: &'static str) -> Self {
        Self {
            description,
            ..self
        }
    }

    /// The tags in the API description.
    pub const fn tags(self, tags: &'static [&'static str]) -> Self {
        Self { tags, ..self }
    }

    /// The operation id in the API description.
    pub const fn operation_id(self, operation_id: &'static str) -> Self {
        Self {
            operation_id,
            ..self
        }
    }

    /// Marks the route as deprecated.
    pub const fn deprecated(self) -> Self {
        Self {
            deprecated: true,
            ..self
        }
    }

    /// Leaves the route out of the API description.
    pub const fn hidden(self) -> Self {
        Self {
            hidden: true,
            ..self
        }
    }

    /// `lane = ..` is written: no key of the configuration changes it.
    pub const fn lane_written(self) -> Self {
        Self {
            lane_written: true,
            ..self
        }
    }

    /// `timeout = ..`, in milliseconds.
    pub const fn timeout_ms(self, timeout_ms: u64) -> Self {
        Self {
            timeout: Timeout::After(Duration::from_millis(timeout_ms)),
            ..self
        }
    }

    /// `timeout = none`.
    pub const fn no_timeout(self) -> Self {
        Self {
            timeout: Timeout::Never,
            ..self
        }
    }

    /// `max_concurrency = ..`.
    pub const fn max_concurrency(self, limit: usize) -> Self {
        Self {
            max_concurrency: Some(limit),
            ..self
        }
    }

    /// `body_limit = ..`, in bytes.
    pub const fn body_limit(self, bytes_max: usize) -> Self {
        Self {
            body_limit: Some(bytes_max),
            ..self
        }
    }

    /// `on_disconnect = ..`.
    pub const fn on_disconnect(self, on_disconnect: OnDisconnect) -> Self {
        Self {
            on_disconnect: Some(on_disconnect),
            ..self
        }
    }

    /// `worker_memory = ..`, in bytes.
    pub const fn worker_memory(self, bytes_max: usize) -> Self {
        Self {
            worker_memory: Some(bytes_max),
            ..self
        }
    }

    /// `worker_cpu = ..`, in seconds.
    pub const fn worker_cpu_s(self, seconds_max: u32) -> Self {
        Self {
            worker_cpu_s: Some(seconds_max),
            ..self
        }
    }

    /// `status = ..`.
    pub const fn status(self, status: u16) -> Self {
        Self {
            status: Some(status),
            ..self
        }
    }
}

/// How far the framework checks a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyCheck {
    /// A `#[model]`: every rule, all faults in one answer.
    Model,
    /// A type with `validator::Validate`.
    Validator,
    /// Deserialised, nothing more.
    Unchecked,
    /// Bytes or text, taken as they are, or by an extractor of the user's.
    Raw,
}

impl BodyCheck {
    /// Its word in the log and on the admin page.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Validator => "validator",
            Self::Unchecked => "unchecked",
            Self::Raw => "raw",
        }
    }
}
