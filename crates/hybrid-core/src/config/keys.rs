//! The table of keys. Everything else about the configuration is made from it:
//! [`Config`] and its setters, [`Settings`], the names and ranges that
//! `resolve` reads by, and the list that the documentation shows.

use std::{fmt, net::SocketAddr, time::Duration};

use toml::de::DeValue;

#[cfg(feature = "logging")]
use super::value::directives;
use super::{
    network::Network,
    value::{
        Address, Balancer, Balancing, Count, Filter, Format, LogFormat, LogRequests, MaybeAddress,
        Mode, Modes, Names, Networks, Requests, Secret, Size, Span, Switch, Token, ValueKind,
        Variables,
    },
};

/// What the documentation and the error messages know of one key.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Key {
    /// The name in the file and on the builder; `HYBRID_` and the name in
    /// capitals in the environment.
    pub name: &'static str,
    /// The default, as it would be written in the file.
    pub default: &'static str,
    /// What its values look like.
    pub allowed: &'static str,
    /// The least and the greatest value, where the key has such.
    pub within: Option<(&'static str, &'static str)>,
    /// What it means.
    pub doc: &'static str,
}

impl Key {
    /// The environment variable of this key: `HYBRID_MAX_THREADS`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("HYBRID_{}", self.name.to_ascii_uppercase())
    }
}

/// Keys of parts that this version does not have. They are refused by name, so
/// that no reader believes them in force.
pub const LATER: &[&str] = &["docs"];

/// What a value that breaks its key's rules is answered with.
pub(crate) type RefusedValue = String;

/// What some defaults depend on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings {
    /// Cores that the cgroup and the affinity mask allow.
    pub(crate) cores: usize,
    /// Bytes of memory that the control groups, the limits of the process and the
    /// machine allow.
    pub(crate) memory: u64,
    /// Whether this runs under Kubernetes.
    pub(crate) kubernetes: bool,
}

macro_rules! keys {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident: $kind:ident = $default:tt $(within $low:literal..=$high:literal)?;
    )*) => {
        /// What a program sets; everything is optional, and both `hybrid.toml`
        /// and the environment override it.
        ///
        /// ```
        /// # mod hybrid { pub mod prelude { pub use hybrid_core::config::Config; } }
        /// use hybrid::prelude::*;
        /// use std::time::Duration;
        ///
        /// let config = Config::new().max_threads(64).queue_wait(Duration::from_secs(2));
        /// # let _ = config;
        /// ```
        #[derive(Clone, Debug, Default)]
        #[must_use]
        pub struct Config {
            $($name: Option<given!($kind)>,)*
        }

        impl Config {
            /// Sets nothing: all defaults.
            pub fn new() -> Self {
                Self::default()
            }

            $(setter! { $kind, $name, $(#[doc = $doc])+ })*
        }

        /// The configuration in force: checked, complete, with its units fixed.
        /// Sizes are bytes.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Settings {
            $($(#[doc = $doc])+ pub $name: value!($kind),)*
        }

        /// Every key of this version, in the order of the documentation.
        pub const KEYS: &[Key] = &[$(Key {
            name: stringify!($name),
            default: default_text!($default),
            allowed: <$kind as ValueKind>::ALLOWED,
            within: within!($($low, $high)?),
            doc: concat!($($doc),+),
        },)*];

        /// The values found so far; a later layer overwrites an earlier one.
        #[derive(Default)]
        pub(crate) struct Layers {
            $($name: Option<value!($kind)>,)*
        }

        impl Layers {
            /// Takes over what the builder set; the faults are returned.
            pub(crate) fn set_given(&mut self, config: &Config) -> Vec<RefusedValue> {
                let mut refused = Vec::new();
                $(if let Some(given) = &config.$name {
                    let value = <$kind as ValueKind>::from_given(given);
                    match checked!($kind, $name, value, $($low, $high)?)
                        .map_err(|message| describe::<$kind>(message, given))
                        .and_then(|value| available(stringify!($name), value))
                    {
                        Ok(value) => self.$name = Some(value),
                        Err(message) => refused.push(message),
                    }
                })*
                refused
            }

            /// Sets a key from text; `None` if there is no such key.
            pub(crate) fn set_text(&mut self, key: &str, text: &str) -> Option<Result<(), RefusedValue>> {
                Some(match key {
                    $(stringify!($name) => {
                        let value = <$kind as ValueKind>::from_text(text);
                        checked!($kind, $name, value, $($low, $high)?)
                            .map_err(|message| describe::<$kind>(message, &text))
                            .and_then(|value| available(stringify!($name), value))
                            .map(|value| self.$name = Some(value))
                    })*
                    _ => return None,
                })
            }

            /// Sets a key from a TOML value; `None` if there is no such key.
            pub(crate) fn set_toml(
                &mut self,
                key: &str,
                value: &DeValue<'_>,
                written: &str,
            ) -> Option<Result<(), RefusedValue>> {
                Some(match key {
                    $(stringify!($name) => {
                        let value = <$kind as ValueKind>::from_toml(value);
                        checked!($kind, $name, value, $($low, $high)?)
                            .map_err(|message| describe::<$kind>(message, &written.trim_matches(['"', '\''])))
                            .and_then(|value| available(stringify!($name), value))
                            .map(|value| self.$name = Some(value))
                    })*
                    _ => return None,
                })
            }

            /// Sets the log's directives, as `RUST_LOG` has them: a word alone may be
            /// a target there.
            #[cfg(feature = "logging")]
            pub(crate) fn set_rust_log(&mut self, text: &str) -> bool {
                let directives = directives(text);
                let is_read = directives.is_some();
                self.log = self.log.take().or(directives);
                is_read
            }

            /// Whether a layer has set this key.
            pub(crate) fn has(&self, key: &str) -> bool {
                match key {
                    $(stringify!($name) => self.$name.is_some(),)*
                    _ => false,
                }
            }

            /// Fills what is left with the defaults.
            pub(crate) fn into_settings(self, around: Surroundings) -> Settings {
                Settings {
                    $($name: self.$name.unwrap_or_else(|| default_value!($kind, around, $default)),)*
                }
            }
        }
    };
}

/// The type that the builder holds for a kind: its `Kind::Given`, spelled out
/// because the kinds are private and the builder is not.
macro_rules! given {
    (Address) => { String };
    (MaybeAddress) => { String };
    (Networks) => { Vec<String> };
    (Names) => { Vec<String> };
    (Token) => { Secret };
    ($kind:ident) => { value!($kind) };
}

/// The type that the settings hold for a kind: its `Kind::Value`.
macro_rules! value {
    (Address) => { SocketAddr };
    (MaybeAddress) => { Option<SocketAddr> };
    (Size) => { usize };
    (Span) => { Duration };
    (Count) => { usize };
    (Switch) => { bool };
    (Networks) => { Vec<Network> };
    (Names) => { Variables };
    (Token) => { Option<Secret> };
    (Filter) => { String };
    (Format) => { LogFormat };
    (Requests) => { LogRequests };
    (Balancer) => { Balancing };
    (Modes) => { Mode };
}

/// One setter of [`Config`]: what it takes depends on the kind.
macro_rules! setter {
    (Address, $name:ident, $($doc:tt)+) => {
        $($doc)+
        pub fn $name(mut self, value: impl fmt::Display) -> Self {
            self.$name = Some(value.to_string());
            self
        }
    };
    (MaybeAddress, $name:ident, $($doc:tt)+) => {
        setter! { Address, $name, $($doc)+ }
    };
    (Networks, $name:ident, $($doc:tt)+) => {
        $($doc)+
        pub fn $name<T: fmt::Display>(mut self, values: impl IntoIterator<Item = T>) -> Self {
            self.$name = Some(values.into_iter().map(|value| value.to_string()).collect());
            self
        }
    };
    (Names, $name:ident, $($doc:tt)+) => {
        setter! { Networks, $name, $($doc)+ }
    };
    (Token, $name:ident, $($doc:tt)+) => {
        $($doc)+
        pub fn $name(mut self, value: impl Into<Secret>) -> Self {
            self.$name = Some(value.into());
            self
        }
    };
    (Filter, $name:ident, $($doc:tt)+) => {
        $($doc)+
        pub fn $name(mut self, value: impl Into<String>) -> Self {
            self.$name = Some(value.into());
            self
        }
    };
    ($kind:ident, $name:ident, $($doc:tt)+) => {
        $($doc)+
        pub fn $name(mut self, value: given!($kind)) -> Self {
            self.$name = Some(value);
            self
        }
    };
}

/// The text of a default: a literal, or what stands for a computed one.
macro_rules! default_text {
    ($text:literal) => {
        $text
    };
    (($text:literal, $compute:expr)) => {
        $text
    };
}

macro_rules! default_value {
    ($kind:ident, $around:ident, ($text:literal, $compute:expr)) => {{
        let compute: fn(Surroundings) -> <$kind as ValueKind>::Value = $compute;
        compute($around)
    }};
    ($kind:ident, $around:ident, $text:literal) => {
        <$kind as ValueKind>::from_text($text).expect("a test reads every default of the table")
    };
}

macro_rules! within {
    () => {
        None
    };
    ($low:literal, $high:literal) => {
        Some(($low, $high))
    };
}

/// Applies the kind's and the key's rule to a parsed value.
macro_rules! checked {
    ($kind:ident, $name:ident, $value:ident, $low:literal, $high:literal) => {
        match $value {
            None => Err(format!(
                "`{}` must be {}",
                stringify!($name),
                <$kind as ValueKind>::ALLOWED
            )),
            Some(value)
                if Some(&value) < <$kind as ValueKind>::from_text($low).as_ref()
                    || Some(&value) > <$kind as ValueKind>::from_text($high).as_ref() =>
            {
                Err(format!(
                    "`{}` must be between `{}` and `{}`",
                    stringify!($name),
                    $low,
                    $high
                ))
            }
            Some(value) => Ok(value),
        }
    };
    ($kind:ident, $name:ident, $value:ident,) => {
        $value.ok_or_else(|| {
            format!(
                "`{}` must be {}",
                stringify!($name),
                <$kind as ValueKind>::ALLOWED
            )
        })
    };
}

/// A key's value, unless it is of a part that this build lacks: no reader is to believe
/// it in force.
fn available<T>(key: &str, value: T) -> Result<T, RefusedValue> {
    if cfg!(feature = "logging") || !matches!(key, "log" | "log_format") {
        return Ok(value);
    }
    Err(format!(
        "`{key}` needs the feature `logging` of hybrid: without it the program installs a \
         subscriber of its own, which decides"
    ))
}

/// The longest part of a refused value that a message repeats.
const SHOWN_CHARS_MAX: usize = 60;

/// Adds what was given to a message, escaped and cut.
fn describe<K: ValueKind>(message: RefusedValue, given: &dyn fmt::Debug) -> RefusedValue {
    if K::IS_SECRET {
        return message;
    }
    let given = format!("{given:?}");
    let given = given.trim_matches('"');
    let shown: String = given.chars().take(SHOWN_CHARS_MAX).collect();
    let cut = if shown.len() < given.len() { ".." } else { "" };
    format!("{message}, not `{shown}{cut}`")
}

keys! {
    /// The address where the server listens. Without it, the variable `PORT` means
    /// `0.0.0.0:PORT`.
    addr: Address = "127.0.0.1:8000";
    /// The number of event loops, one thread each.
    event_loops: Count = ("cores", |around| around.cores) within "1"..="1024";
    /// The largest number of pool threads, including blocked ones.
    max_threads: Count = "512" within "1"..="16384";
    /// How much higher the nice value of *long* pool threads is than that of the event
    /// loops; 0 means no difference. Long pool threads run computations of more than a
    /// few milliseconds. A nice value counts within a session or control group, and
    /// threads that a handler starts inherit it.
    pool_nice: Count = "10" within "0"..="19";
    /// The largest number of tickets that wait for the pool, over all routes.
    queue_depth: Count = "1024" within "1"..="1000000";
    /// The longest wait for a pool thread before a 503.
    queue_wait: Span = "5s" within "1ms"..="1h";

    /// The largest number of worker processes. 0 runs the routes of the process lane on
    /// the pool.
    max_processes: Count = ("cores", |around| around.cores) within "0"..="1024";
    /// The memory that a worker may have in addition to what it had when it was ready:
    /// data, as `RLIMIT_DATA` counts it. A route's `worker_memory` overrides it.
    worker_memory: Size = "1GiB" within "16MiB"..="1024GiB";
    /// The processor time that one request may use in a worker, rounded up to whole
    /// seconds; 0 means no limit. A route's `worker_cpu` overrides it.
    worker_cpu: Span = "0" within "0"..="24h";
    /// The number of files that a worker may open.
    worker_files: Count = "1024" within "16"..="1000000";
    /// The number of requests after which a worker is replaced; 0 means never.
    worker_recycle_requests: Count = "0" within "0"..="1000000000";
    /// The resident memory above which a worker is replaced between two requests; 0
    /// means never.
    worker_recycle_memory: Size = "512MiB" within "0"..="1024GiB";
    /// The shared memory for the bodies of process routes, in all.
    segment_limit: Size = "1GiB" within "1MiB"..="1024GiB";
    /// The environment variables that workers get: `*` means all, otherwise a list of
    /// names. Workers always get `HYBRID_*`.
    worker_env: Names = "*";
    /// Whether a sandbox restricts workers: they get no new privileges, write no file,
    /// start no program and open no connection. Needs the feature `sandbox`.
    sandbox: Switch = "false";

    /// Whether the balancer moves routes between lanes: `on`; `observe` decides and
    /// shows its decisions, but moves nothing; `off` decides nothing.
    balancer: Balancer = "on";
    /// Whether every plain `fn` without a written lane is `lane = auto`.
    promote: Switch = "false";
    /// Where handlers run, for comparisons in one binary: `async_only` runs every plain
    /// `fn` on the event loop, `sync_only` runs every handler on one pool thread, from
    /// start to end.
    mode: Modes = "hybrid";

    /// The largest JSON or raw body.
    body_limit: Size = "2MiB" within "0"..="1GiB";
    /// The largest number of bytes of request bodies in memory at the same time; a body
    /// of up to 16 KiB does not count. The same number again for bytes that are parsed
    /// at the same time, where JSON counts five times and a form twice. If there is no
    /// room, a request waits for at most `queue_wait` and then gets a 503.
    bodies_limit: Size = (
        "a quarter of the memory that the process may use",
        |around| usize::try_from(around.memory / 4)
            .unwrap_or(usize::MAX)
            .clamp(1 << 20, 1 << 40)
    ) within "1MiB"..="1024GiB";
    /// The largest urlencoded form, or form part of a multipart body.
    form_limit: Size = "1MiB" within "0"..="1GiB";
    /// The largest number of pairs in a urlencoded form.
    form_pairs_max: Count = "1000" within "1"..="1000000";
    /// The largest multipart body, in all.
    upload_limit: Size = "50MiB" within "0"..="1024GiB";
    /// How many bytes of a multipart body may be in memory.
    multipart_memory: Size = "2MiB" within "0"..="1GiB";
    /// The largest number of fields in a multipart body.
    multipart_fields_max: Count = "256" within "1"..="100000";
    /// The largest number of files in a multipart body.
    multipart_files_max: Count = "64" within "0"..="100000";
    /// The largest number of headers of one part.
    part_headers_max: Count = "8" within "1"..="100";
    /// The largest size of all headers of one part together.
    part_header_limit: Size = "8KiB" within "64"..="1MiB";
    /// The longest name of one part.
    part_name_limit: Size = "256" within "1"..="8KiB";
    /// The longest boundary of a multipart body. RFC 2046 allows 70 bytes.
    boundary_limit: Size = "70" within "1"..="1KiB";

    /// The largest head of a request, including the request line.
    head_limit: Size = "64KiB" within "8KiB"..="1MiB";
    /// The largest number of headers of a request.
    headers_max: Count = "100" within "1"..="1000";
    /// The longest target of a request.
    uri_limit: Size = "8KiB" within "16"..="60KiB";
    /// The longest name of a method.
    method_limit: Size = "32" within "7"..="256";

    /// The longest wait for the first byte of a new connection. The rest of a head has
    /// the same time again, from its first byte.
    header_timeout: Span = "10s" within "10ms"..="1h";
    /// The longest wait for the body of a request, in all.
    body_timeout: Span = "300s" within "10ms"..="24h";
    /// The number of bytes per second of a body that a client must send, after
    /// `body_grace`; 0 means no such limit.
    body_rate: Size = "240" within "0"..="1GiB";
    /// How long a body may be slower than `body_rate`.
    body_grace: Span = "5s" within "10ms"..="1h";
    /// The longest time from the complete body to the head of the response, including
    /// waiting; a route's `timeout` overrides it.
    request_timeout: Span = "30s" within "1ms"..="24h";
    /// The longest time for which writing a response may make no progress.
    write_timeout: Span = "30s" within "10ms"..="1h";
    /// How long the server keeps a connection without a request. It is above the 60 s
    /// of a load balancer, so that the balancer closes first.
    keep_alive: Span = "75s" within "10ms"..="24h";
    /// How long the server reads the rest of a refused request before it closes the
    /// connection, so that the client sees the response and not a reset. The client
    /// must keep `body_rate`.
    linger_timeout: Span = "30s" within "0"..="5m";
    /// How many bytes of that rest the server reads, for at most 1 s, while an eighth
    /// of `max_connections` or more are closing like that, and while the server is
    /// stopping.
    linger_limit: Size = "256KiB" within "0"..="16MiB";
    /// The largest number of connections at the same time. The file limit may allow
    /// fewer: the server raises it at the start, and reserves files for the rest of the
    /// program.
    max_connections: Count = "25000" within "1"..="10000000";

    /// The largest number of streams at the same time on an HTTP/2 connection.
    http2_streams_max: Count = "100" within "1"..="10000";
    /// The number of streams that a client may reset before the server has processed
    /// them.
    http2_pending_resets_max: Count = "20" within "1"..="10000";
    /// The number of streams of one connection that the server may reset because of
    /// errors of the client.
    http2_errors_max: Count = "128" within "1"..="100000";
    /// The flow-control window of an HTTP/2 stream.
    http2_stream_window: Size = "256KiB" within "64KiB"..="16MiB";
    /// The flow-control window of an HTTP/2 connection.
    http2_connection_window: Size = "1MiB" within "64KiB"..="1GiB";
    /// The time between two pings on an HTTP/2 connection.
    http2_ping: Span = "30s" within "10ms"..="1h";
    /// The longest wait for the reply to a ping.
    http2_ping_timeout: Span = "20s" within "10ms"..="1h";

    /// How long a stopping server may take to finish running and queued requests,
    /// including `drain_delay`.
    shutdown_grace: Span = "25s" within "0"..="24h";
    /// How long a stopping server still accepts connections, while `/health/ready` is
    /// already 503.
    drain_delay: Span = (
        "0, or 5s where KUBERNETES_SERVICE_HOST is set",
        |around| Duration::from_secs(if around.kubernetes { 5 } else { 0 })
    ) within "0"..="1h";
    /// How long a stopping server serves connections that wait for a request, with
    /// `Connection: close`.
    drain_idle: Span = "250ms" within "0"..="1m";

    /// The proxies whose `Forwarded` and `X-Forwarded-For` headers the server trusts.
    trusted_proxies: Networks = "";
    /// The address of a separate listener for the admin endpoints. Without
    /// `admin_token`, everyone who can reach it can read them.
    admin: MaybeAddress = "";
    /// The token that clients of the admin endpoints send as `Authorization: Bearer
    /// ..`. Health and the list of the endpoints need none. Without a token the
    /// endpoints are open.
    admin_token: Token = "";
    /// Whether each response of a route has the header `x-hybrid-lane`, the lane where
    /// the route ran.
    expose_lane: Switch = "false";
    /// Which events are logged: a level, or directives such as `info,my_app=debug`. If
    /// it is not set, `RUST_LOG` counts. Needs the feature `logging`, and is refused
    /// without it.
    log: Filter = "info";
    /// The format of log lines: `text`, with colours only on a terminal, or `json`.
    /// Needs the feature `logging`, and is refused without it.
    log_format: Format = "text";
    /// Which requests get a line in the log: `off`; `errors`, those with a 5xx,
    /// including passed deadlines; `all`.
    log_requests: Requests = "errors";
}

/// The address that `PORT` stands for.
pub(crate) fn any_interface(port: u16) -> SocketAddr {
    ([0, 0, 0, 0], port).into()
}
