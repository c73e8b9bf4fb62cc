//! The options of a route, apart from path and method: `lane = pool, timeout = "2s", status = 201, ..`.

use syn::{Expr, ExprLit, Ident, Lit, LitStr};

use crate::diag::{Diagnostics, nearest};
use crate::options::{Opt, Options, Value, as_str};
use crate::parse::units;

/// The words that [`Settings::take`] understands, for suggestions.
pub(crate) const WORDS: &[&str] = &[
    "lane",
    "timeout",
    "max_concurrency",
    "body_limit",
    "on_disconnect",
    "worker_memory",
    "worker_cpu",
    "status",
    "tags",
    "summary",
    "description",
    "operation_id",
    "deprecated",
    "hidden",
];

/// The lanes that can be named.
const LANES: &[&str] = &["event", "pool", "auto", "inline", "process"];
/// The lanes that are planned but not implemented.
const LATER: &[&str] = &["queue"];

/// The minimal memory of a worker, as for the configuration key of that name.
const WORKER_MEMORY_BYTES_MIN: u64 = 16 << 20;
/// The maximal processor time of one request, as for the configuration key of that name.
const WORKER_CPU_S_MAX: u64 = 24 * 3_600;

/// The options of a route, apart from path and methods.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// The lane with its word. Without one, the signature decides.
    pub(crate) lane: Option<(Lane, Ident)>,
    /// A lane was written with a mistake, so the lane is unknown.
    pub(crate) lane_is_broken: bool,
    pub(crate) timeout: Option<Timeout>,
    pub(crate) max_concurrency: Option<usize>,
    pub(crate) body_limit_bytes: Option<u64>,
    pub(crate) on_disconnect: Option<OnDisconnect>,
    pub(crate) worker: Worker,
    pub(crate) status: Option<u16>,
    pub(crate) tags: Vec<LitStr>,
    pub(crate) summary: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) operation_id: Option<String>,
    pub(crate) deprecated: bool,
    pub(crate) hidden: bool,
}

/// The limits of one request in a worker process.
#[derive(Debug, Default)]
pub(crate) struct Worker {
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) cpu_s: Option<u32>,
    /// The words of these limits, with or without mistakes.
    pub(crate) words: Vec<Ident>,
}

/// Where a handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Event,
    Pool,
    Auto,
    Inline,
    Process,
}

/// The time limit of a handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timeout {
    None,
    Millis(u64),
}

/// What happens when the client disconnects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnDisconnect {
    Cancel,
    Detach,
}

impl Settings {
    /// Takes the words of all settings from the options.
    pub(crate) fn take(options: &mut Options, diag: &mut Diagnostics) -> Self {
        let mut settings = Self::default();
        for opt in std::mem::take(&mut options.named) {
            if !settings.word(&opt, diag) {
                options.named.push(opt);
            }
        }
        settings
    }

    fn word(&mut self, opt: &Opt, diag: &mut Diagnostics) -> bool {
        match opt.key.to_string().as_str() {
            "lane" => {
                self.lane = lane(opt, diag);
                self.lane_is_broken = self.lane.is_none();
            }
            "timeout" => self.timeout = timeout(opt, diag),
            "max_concurrency" => self.max_concurrency = max_concurrency(opt, diag),
            "body_limit" => self.body_limit_bytes = body_limit(opt, diag),
            "on_disconnect" => self.on_disconnect = on_disconnect(opt, diag),
            "worker_memory" => {
                self.worker.memory_bytes = worker_memory(opt, diag);
                self.worker.words.push(opt.key.clone());
            }
            "worker_cpu" => {
                self.worker.cpu_s = worker_cpu(opt, diag);
                self.worker.words.push(opt.key.clone());
            }
            "status" => self.status = status(opt, diag),
            "tags" => self.tags = tags(opt, diag),
            "summary" => self.summary = opt.text(diag).map(|text| text.value()),
            "description" => self.description = opt.text(diag).map(|text| text.value()),
            "operation_id" => self.operation_id = opt.text(diag).map(|text| text.value()),
            "deprecated" => self.deprecated = opt.flag(diag),
            "hidden" => self.hidden = opt.flag(diag),
            _ => return false,
        }
        true
    }
}

fn lane(opt: &Opt, diag: &mut Diagnostics) -> Option<(Lane, Ident)> {
    let word = opt.word(LANES, diag)?;
    let text = word.to_string();
    let lane = match text.as_str() {
        "event" => Lane::Event,
        "pool" => Lane::Pool,
        "auto" => Lane::Auto,
        "inline" => Lane::Inline,
        "process" => Lane::Process,
        later if LATER.contains(&later) => {
            diag.error(
                &word,
                format_args!(
                    "`lane = {later}` is not available in this version, it is one of {}",
                    crate::diag::list(LANES)
                ),
            );
            return None;
        }
        _ => {
            diag.unknown(&word, "lane", LANES);
            return None;
        }
    };
    Some((lane, word))
}

fn timeout(opt: &Opt, diag: &mut Diagnostics) -> Option<Timeout> {
    let expr = opt.expr(diag)?;
    if let Expr::Path(path) = expr
        && path.path.is_ident("none")
    {
        return Some(Timeout::None);
    }
    let hint = "`timeout` takes a duration in quotes, `timeout = \"2s\"`, or `timeout = none`";
    in_units(opt, expr, units::millis, hint, diag).map(Timeout::Millis)
}

/// The value of a text with its unit.
fn in_units(
    opt: &Opt,
    expr: &Expr,
    read: fn(&str) -> Result<u64, String>,
    hint: &str,
    diag: &mut Diagnostics,
) -> Option<u64> {
    let Some(text) = as_str(expr) else {
        diag.error(expr, hint);
        return None;
    };
    let key = &opt.key;
    read(&text.value())
        .map_err(|message| diag.error(text, format_args!("`{key}`: {message}")))
        .ok()
}

fn max_concurrency(opt: &Opt, diag: &mut Diagnostics) -> Option<usize> {
    let expr = opt.expr(diag)?;
    let number = integer(expr)
        .filter(|number| *number > 0)
        .and_then(|number| usize::try_from(number).ok());
    if number.is_none() {
        diag.error(
            expr,
            "`max_concurrency` takes a whole number from 1 up: `max_concurrency = 64`",
        );
    }
    number
}

fn body_limit(opt: &Opt, diag: &mut Diagnostics) -> Option<u64> {
    let expr = opt.expr(diag)?;
    let hint = "`body_limit` takes a size in quotes: `body_limit = \"2MB\"`";
    integer(expr).or_else(|| in_units(opt, expr, units::bytes, hint, diag))
}

fn worker_memory(opt: &Opt, diag: &mut Diagnostics) -> Option<u64> {
    let expr = opt.expr(diag)?;
    let hint = "`worker_memory` takes a size in quotes: `worker_memory = \"2GiB\"`";
    let bytes = integer(expr).or_else(|| in_units(opt, expr, units::bytes, hint, diag))?;
    if bytes < WORKER_MEMORY_BYTES_MIN {
        diag.error(
            expr,
            "`worker_memory` must be at least 16 MiB: write \"16MiB\" or more",
        );
        return None;
    }
    Some(bytes)
}

fn worker_cpu(opt: &Opt, diag: &mut Diagnostics) -> Option<u32> {
    let expr = opt.expr(diag)?;
    let hint = "`worker_cpu` takes a duration in quotes: `worker_cpu = \"10s\"`";
    let millis = in_units(opt, expr, units::millis, hint, diag)?;
    let seconds = millis.div_ceil(1_000);
    if seconds > WORKER_CPU_S_MAX {
        diag.error(expr, "`worker_cpu` must be at most 24 hours: write \"24h\"");
        return None;
    }
    if !millis.is_multiple_of(1_000) {
        let message = format!(
            "`worker_cpu` takes whole seconds, the system counts no parts of them: write \"{seconds}s\""
        );
        diag.error(expr, message);
        return None;
    }
    u32::try_from(seconds).ok()
}

fn on_disconnect(opt: &Opt, diag: &mut Diagnostics) -> Option<OnDisconnect> {
    let known = &["cancel", "detach"];
    let word = opt.word(known, diag)?;
    match word.to_string().as_str() {
        "cancel" => Some(OnDisconnect::Cancel),
        "detach" => Some(OnDisconnect::Detach),
        _ => {
            diag.unknown(&word, "choice", known);
            None
        }
    }
}

fn status(opt: &Opt, diag: &mut Diagnostics) -> Option<u16> {
    let expr = opt.expr(diag)?;
    let status = integer(expr).and_then(|number| u16::try_from(number).ok());
    let sound = status.filter(|status| (200..300).contains(status));
    if sound.is_none() {
        let message = "`status` stands for 200, so it is a number from 200 to 299: `status = 201`; \
                       for other answers return them, `(StatusCode::FOUND, ..)` or a `Problem`";
        diag.error(expr, message);
    }
    sound
}

fn tags(opt: &Opt, diag: &mut Diagnostics) -> Vec<LitStr> {
    let Value::Expr(expr) = &opt.value else {
        diag.error(
            &opt.key,
            "`tags` takes a list of strings: `tags = [\"users\"]`",
        );
        return Vec::new();
    };
    let texts = match expr {
        Expr::Array(array) => array
            .elems
            .iter()
            .map(|elem| as_str(elem).cloned())
            .collect(),
        single => as_str(single).cloned().map(|text| vec![text]),
    };
    if texts.is_none() {
        diag.error(expr, "`tags` takes a list of strings: `tags = [\"users\"]`");
    }
    texts.unwrap_or_default()
}

/// The unsigned integer literal, if the expression is one.
pub(crate) fn integer(expr: &Expr) -> Option<u64> {
    match expr {
        Expr::Lit(ExprLit {
            lit: Lit::Int(int), ..
        }) => int.base10_parse().ok(),
        _ => None,
    }
}

/// The methods that a route can have.
pub(crate) const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// Reads `methods = [GET, POST]`.
pub(crate) fn methods(opt: &Opt, diag: &mut Diagnostics) -> Vec<&'static str> {
    let Value::Expr(Expr::Array(array)) = &opt.value else {
        diag.error_at(
            opt.value_span(),
            "`methods` takes a list: `methods = [GET, POST]`",
        );
        return Vec::new();
    };
    if array.elems.is_empty() {
        diag.error(
            array,
            "`methods` is empty: name at least one, `methods = [GET, POST]`",
        );
    }
    let mut methods = Vec::new();
    for elem in &array.elems {
        let Some(method) = method(elem, diag) else {
            continue;
        };
        if methods.contains(&method) {
            diag.error(elem, format_args!("`{method}` is listed twice, keep one"));
        } else {
            methods.push(method);
        }
    }
    methods
}

fn method(elem: &Expr, diag: &mut Diagnostics) -> Option<&'static str> {
    let written = match elem {
        Expr::Path(path) => path
            .path
            .segments
            .last()
            .map(|segment| segment.ident.to_string()),
        other => as_str(other).map(LitStr::value),
    };
    let plain = matches!(elem, Expr::Path(path) if path.path.get_ident().is_some());
    let Some(written) = written else {
        diag.error(elem, "`methods` takes names: `methods = [GET, POST]`");
        return None;
    };
    if let Some(known) = METHODS.iter().find(|known| **known == written)
        && plain
    {
        return Some(known);
    }
    let hint = match nearest(&written, METHODS) {
        Some(near) => format!("write `{near}`"),
        None => format!("it is one of {}", crate::diag::list(METHODS)),
    };
    diag.error(elem, format_args!("unknown method `{written}`, {hint}"));
    None
}
