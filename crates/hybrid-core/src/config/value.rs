//! The kinds of values that a key may hold: how each is read from text, from
//! TOML and from the builder. A kind says what it allows; a key may narrow it.

use std::{fmt, net::SocketAddr, time::Duration};

use toml::de::DeValue;

use super::network::Network;

/// How the values of a key are read. The implementors are markers.
pub(crate) trait ValueKind {
    /// What the builder takes.
    type Given: Clone + fmt::Debug;
    /// What the settings hold.
    type Value;
    /// What is allowed, as a noun: "a duration with its unit, such as `2s`".
    const ALLOWED: &'static str;
    /// Whether messages leave out what was given.
    const IS_SECRET: bool = false;

    fn from_text(text: &str) -> Option<Self::Value>;

    fn from_given(given: &Self::Given) -> Option<Self::Value>;

    /// TOML's numbers and booleans are read as their text, so that one parser
    /// decides.
    fn from_toml(value: &DeValue<'_>) -> Option<Self::Value> {
        match value {
            DeValue::String(text) => Self::from_text(text),
            DeValue::Integer(number) => Self::from_text(&decimal(number)?),
            DeValue::Boolean(switch) => Self::from_text(if *switch { "true" } else { "false" }),
            _ => None,
        }
    }
}

pub(super) fn decimal(number: &toml::de::DeInteger<'_>) -> Option<String> {
    i128::from_str_radix(number.as_str(), number.radix())
        .ok()
        .map(|number| number.to_string())
}

/// An address with a port.
pub(crate) enum Address {}

/// An address with a port, or none.
pub(crate) enum MaybeAddress {}

/// A size in bytes.
pub(crate) enum Size {}

/// A duration.
pub(crate) enum Span {}

/// A whole number, zero allowed.
pub(crate) enum Count {}

/// On or off.
pub(crate) enum Switch {}

/// A list of networks.
pub(crate) enum Networks {}

/// All names of variables, or some.
pub(crate) enum Names {}

/// Which events are logged.
pub(crate) enum Filter {}

/// How events are logged.
pub(crate) enum Format {}
pub(crate) enum Requests {}

/// What the balancer may do.
pub(crate) enum Balancer {}

/// Where handlers run.
pub(crate) enum Modes {}

/// A text that no message and no log shows.
pub(crate) enum Token {}

pub use hybrid_engine::balance::Balancing;

/// Environment variables, by their names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Variables {
    /// Whatever there is.
    All,
    /// These, where they are set.
    Only(Vec<String>),
}

/// Where handlers run: [`Hybrid`](Mode::Hybrid), or one way for all, to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Each on its own lane.
    Hybrid,
    /// All on the event loops. What a plain `fn` parses of a large body is still
    /// parsed on the pool, and its handler runs there too.
    AsyncOnly,
    /// All on pool threads, each of which drives one handler to its end.
    SyncOnly,
}

impl Mode {
    /// Its word in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hybrid => "hybrid",
            Self::AsyncOnly => "async_only",
            Self::SyncOnly => "sync_only",
        }
    }
}

/// Which requests have a line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogRequests {
    /// None.
    Off,
    /// Those that are answered with a 5xx, passed deadlines among them.
    Errors,
    /// Every one.
    All,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogFormat {
    /// One line of text each.
    Text,
    /// One JSON object each.
    Json,
}

impl ValueKind for Address {
    type Given = String;
    type Value = SocketAddr;
    const ALLOWED: &'static str = "an address and a port, such as `127.0.0.1:8000`";

    fn from_text(text: &str) -> Option<SocketAddr> {
        match text.strip_prefix("localhost:") {
            Some(port) => Some(([127, 0, 0, 1], port.parse().ok()?).into()),
            None => text.parse().ok(),
        }
    }

    fn from_given(given: &String) -> Option<SocketAddr> {
        Self::from_text(given)
    }
}

impl ValueKind for MaybeAddress {
    type Given = String;
    type Value = Option<SocketAddr>;
    const ALLOWED: &'static str = Address::ALLOWED;

    fn from_text(text: &str) -> Option<Option<SocketAddr>> {
        if text.is_empty() {
            return Some(None);
        }
        Address::from_text(text).map(Some)
    }

    fn from_given(given: &String) -> Option<Option<SocketAddr>> {
        Self::from_text(given)
    }
}

impl ValueKind for Size {
    type Given = usize;
    type Value = usize;
    const ALLOWED: &'static str =
        "a size in bytes, or with its unit, such as `2MiB` (2^20) or `2MB` (10^6)";

    fn from_text(text: &str) -> Option<usize> {
        let (number, unit) = split_unit(text)?;
        let factor: u64 = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            _ => return None,
        };
        let bytes = number.parse::<u64>().ok()?.checked_mul(factor)?;
        Some(usize::try_from(bytes).unwrap_or(usize::MAX))
    }

    fn from_given(given: &usize) -> Option<usize> {
        Some(*given)
    }
}

impl ValueKind for Span {
    type Given = Duration;
    type Value = Duration;
    const ALLOWED: &'static str = "a duration with its unit, such as `150ms`, `2s` or `1m`";

    fn from_text(text: &str) -> Option<Duration> {
        let (number, unit) = split_unit(text)?;
        let number: u64 = number.parse().ok()?;
        let factor = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "" if number == 0 => 1,
            _ => return None,
        };
        number.checked_mul(factor).map(Duration::from_millis)
    }

    fn from_given(given: &Duration) -> Option<Duration> {
        Some(*given)
    }
}

impl ValueKind for Count {
    type Given = usize;
    type Value = usize;
    const ALLOWED: &'static str = "a whole number";

    fn from_text(text: &str) -> Option<usize> {
        text.trim().parse().ok()
    }

    fn from_given(given: &usize) -> Option<usize> {
        Some(*given)
    }
}

impl ValueKind for Switch {
    type Given = bool;
    type Value = bool;
    const ALLOWED: &'static str = "`true` or `false` (also `1` `0` `yes` `no` `on` `off`)";

    fn from_text(text: &str) -> Option<bool> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    fn from_given(given: &bool) -> Option<bool> {
        Some(*given)
    }
}

impl ValueKind for Networks {
    type Given = Vec<String>;
    type Value = Vec<Network>;
    const ALLOWED: &'static str =
        "a list of addresses and CIDR ranges, such as `10.0.0.0/8, 192.0.2.1`";

    fn from_text(text: &str) -> Option<Vec<Network>> {
        let parts = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        parts.map(|part| part.parse().ok()).collect()
    }

    fn from_given(given: &Vec<String>) -> Option<Vec<Network>> {
        given.iter().map(|part| part.parse().ok()).collect()
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Vec<Network>> {
        match value {
            DeValue::String(text) => Self::from_text(text),
            DeValue::Array(parts) => parts
                .iter()
                .map(|part| part.get_ref().as_str()?.parse().ok())
                .collect(),
            _ => None,
        }
    }
}

impl ValueKind for Names {
    type Given = Vec<String>;
    type Value = Variables;
    const ALLOWED: &'static str =
        "`*` (all) or a list of variables' whole names, such as `PATH, HOME`";

    fn from_text(text: &str) -> Option<Variables> {
        variables(text.split(',').map(|name| Some(name.trim())))
    }

    fn from_given(given: &Vec<String>) -> Option<Variables> {
        variables(given.iter().map(|name| Some(name.as_str())))
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Variables> {
        match value {
            DeValue::String(text) => Self::from_text(text),
            DeValue::Array(names) => variables(names.iter().map(|name| name.get_ref().as_str())),
            _ => None,
        }
    }
}

/// `*` alone is all. In a name it is refused, lest it be taken for a pattern.
fn variables<'a>(names: impl Iterator<Item = Option<&'a str>>) -> Option<Variables> {
    let names: Vec<&str> = names.collect::<Option<_>>()?;
    if names == ["*"] {
        return Some(Variables::All);
    }
    let sound = |name: &&str| !name.is_empty() && !name.contains(['=', '\0', '*']);
    let names = names.iter().all(sound).then_some(names)?;
    Some(Variables::Only(
        names.into_iter().map(str::to_owned).collect(),
    ))
}

impl ValueKind for Filter {
    type Given = String;
    type Value = String;
    const ALLOWED: &'static str = "a level (`error` `warn` `info` `debug` `trace` `off`) or directives, such as \
         `info,my_app=debug`";

    #[cfg(feature = "logging")]
    fn from_text(text: &str) -> Option<String> {
        let mut words = text.split(',').map(str::trim);
        // The library takes a word for a target, of which all is logged, and then
        // nothing else is.
        let is_clear = words.all(|word| word.contains(['=', '[']) || is_level(word));
        is_clear.then(|| directives(text)).flatten()
    }

    /// No filter uses it then, and it is refused.
    #[cfg(not(feature = "logging"))]
    fn from_text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn from_given(given: &String) -> Option<String> {
        Self::from_text(given)
    }
}

/// A level, as the library reads it.
#[cfg(feature = "logging")]
fn is_level(word: &str) -> bool {
    word.parse::<tracing_subscriber::filter::LevelFilter>()
        .is_ok()
}

/// Directives in the form in which the library reads them, where it does.
#[cfg(feature = "logging")]
pub(super) fn directives(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split(',').map(str::trim).collect();
    let text = words.join(",");
    let filter = tracing_subscriber::EnvFilter::builder().parse(&text);
    filter.ok().map(|_| text)
}

impl ValueKind for Format {
    type Given = LogFormat;
    type Value = LogFormat;
    const ALLOWED: &'static str = "`text` or `json`";

    fn from_text(text: &str) -> Option<LogFormat> {
        match text {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        }
    }

    fn from_given(given: &LogFormat) -> Option<LogFormat> {
        Some(*given)
    }
}

impl ValueKind for Requests {
    type Given = LogRequests;
    type Value = LogRequests;
    const ALLOWED: &'static str = "`off`, `errors` or `all`";

    fn from_text(text: &str) -> Option<LogRequests> {
        match text {
            "off" => Some(LogRequests::Off),
            "errors" => Some(LogRequests::Errors),
            "all" => Some(LogRequests::All),
            _ => None,
        }
    }

    fn from_given(given: &LogRequests) -> Option<LogRequests> {
        Some(*given)
    }
}

impl ValueKind for Balancer {
    type Given = Balancing;
    type Value = Balancing;
    const ALLOWED: &'static str = "`on`, `observe` or `off`";

    fn from_text(text: &str) -> Option<Balancing> {
        match text {
            "on" => Some(Balancing::On),
            "observe" => Some(Balancing::Observe),
            "off" => Some(Balancing::Off),
            _ => None,
        }
    }

    fn from_given(given: &Balancing) -> Option<Balancing> {
        Some(*given)
    }

    /// `balancer = true` is what a person means who thinks of a switch.
    fn from_toml(value: &DeValue<'_>) -> Option<Balancing> {
        match value {
            DeValue::String(text) => Self::from_text(text),
            DeValue::Boolean(true) => Some(Balancing::On),
            DeValue::Boolean(false) => Some(Balancing::Off),
            _ => None,
        }
    }
}

impl ValueKind for Modes {
    type Given = Mode;
    type Value = Mode;
    const ALLOWED: &'static str = "`hybrid`, `async_only` or `sync_only`";

    fn from_text(text: &str) -> Option<Mode> {
        match text {
            "hybrid" => Some(Mode::Hybrid),
            "async_only" => Some(Mode::AsyncOnly),
            "sync_only" => Some(Mode::SyncOnly),
            _ => None,
        }
    }

    fn from_given(given: &Mode) -> Option<Mode> {
        Some(*given)
    }
}

/// A secret of the configuration: nothing prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Whether `given` is the secret. How long that takes says nothing of where the
    /// two differ.
    pub(crate) fn is(&self, given: &[u8]) -> bool {
        let own = self.0.as_bytes();
        let differ = |differ, (a, b): (&u8, &u8)| differ | (a ^ b);
        own.len() == given.len() && own.iter().zip(given).fold(0, differ) == 0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl ValueKind for Token {
    type Given = Secret;
    type Value = Option<Secret>;
    const ALLOWED: &'static str = "letters, digits and `-._~+/=`, which a header can carry";
    const IS_SECRET: bool = true;

    fn from_text(text: &str) -> Option<Option<Secret>> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        text.bytes()
            .all(fits)
            .then(|| (!text.is_empty()).then(|| Secret(text.to_owned())))
    }

    fn from_given(given: &Secret) -> Option<Option<Secret>> {
        Self::from_text(&given.0)
    }
}

/// Splits `150ms` into its digits and its unit.
fn split_unit(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    (!number.is_empty()).then(|| (number, unit.trim_start()))
}
