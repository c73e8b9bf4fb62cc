//! Prometheus' text format 0.0.4 and OpenMetrics 1.0: the same samples, other
//! rules about names, units and the end.

use std::{borrow::Cow, fmt::Write as _};

use super::names::{Metric, MetricKind};

/// A format of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Prometheus,
    OpenMetrics,
}

impl Format {
    /// What an `Accept` asks for. Prometheus' own format, unless OpenMetrics is
    /// named and nothing says that the other is liked better.
    pub(super) fn preferred<'a>(accept: impl Iterator<Item = &'a str>) -> Self {
        let (mut open, mut plain) = (0.0_f32, 0.0_f32);
        for range in accept.flat_map(|value| value.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let wanted = match parts.next() {
                Some(name) if name.eq_ignore_ascii_case("application/openmetrics-text") => {
                    &mut open
                }
                Some(name) if name.eq_ignore_ascii_case("text/plain") => &mut plain,
                _ => continue,
            };
            let quality = parts.find_map(|parameter| {
                let (name, value) = parameter.split_once('=')?;
                name.trim()
                    .eq_ignore_ascii_case("q")
                    .then(|| value.trim().parse().unwrap_or(0.0))
            });
            *wanted = wanted.max(quality.unwrap_or(1.0));
        }
        if open > 0.0 && open >= plain {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The labels of a sample.
#[derive(Clone, Debug, Default)]
pub(super) struct Labels<'a>(Vec<(&'static str, Cow<'a, str>)>);

impl<'a> Labels<'a> {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<Cow<'a, str>>) -> Self {
        self.0.push((name, value.into()));
        self
    }
}

/// The page as it grows.
pub(super) struct Text {
    format: Format,
    text: String,
    /// The name of the samples to come, without the suffix of their kind.
    name: &'static str,
}

impl Text {
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            text: String::with_capacity(16 * 1024),
            name: "",
        }
    }

    /// Begins a metric: its samples follow.
    pub(super) fn family(&mut self, metric: &Metric) {
        let Metric {
            name, help, unit, ..
        } = metric;
        let base = match metric.kind {
            MetricKind::Counter => name.strip_suffix("_total").unwrap_or(name),
            MetricKind::Gauge | MetricKind::Histogram => name,
        };
        let shown = match self.format {
            Format::Prometheus => name,
            Format::OpenMetrics => base,
        };
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        self.name = base;
        self.line(format_args!("# HELP {shown} {help}"));
        self.line(format_args!("# TYPE {shown} {kind}"));
        if self.format == Format::OpenMetrics && !unit.is_empty() {
            self.line(format_args!("# UNIT {shown} {unit}"));
        }
    }

    /// A sample of a counter; none where nothing was counted.
    pub(super) fn counter(&mut self, labels: &Labels<'_>, value: u64) {
        if value > 0 {
            self.counter_from_zero(labels, value);
        }
    }

    /// A sample of a counter of which there are few: told also where nothing has
    /// happened yet, so that the first time shows as a change.
    pub(super) fn counter_from_zero(&mut self, labels: &Labels<'_>, value: u64) {
        self.sample("_total", labels, None, format_args!("{value}"));
    }

    /// A sample of a counter that is no whole number.
    pub(super) fn counter_of(&mut self, value: f64) {
        self.sample("_total", &Labels::new(), None, format_args!("{value}"));
    }

    /// A sample of a gauge.
    pub(super) fn integer(&mut self, labels: &Labels<'_>, value: u64) {
        self.sample("", labels, None, format_args!("{value}"));
    }

    /// A sample of a gauge that is no whole number.
    pub(super) fn number(&mut self, value: f64) {
        self.sample("", &Labels::new(), None, format_args!("{value}"));
    }

    /// The samples of a histogram; `counts` are one a bucket, and one beyond the
    /// last bound.
    pub(super) fn histogram(
        &mut self,
        labels: &Labels<'_>,
        bounds: &[f64],
        counts: &[u64],
        sum: f64,
    ) {
        let mut total = 0;
        let bounds = bounds.iter().map(|bound| number(*bound));
        for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(counts) {
            total += count;
            self.sample("_bucket", labels, Some(&bound), format_args!("{total}"));
        }
        self.sample("_sum", labels, None, format_args!("{sum}"));
        self.sample("_count", labels, None, format_args!("{total}"));
    }

    pub(super) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.line(format_args!("# EOF"));
        }
        self.text
    }

    fn sample(
        &mut self,
        suffix: &str,
        labels: &Labels<'_>,
        bound: Option<&str>,
        value: std::fmt::Arguments<'_>,
    ) {
        self.text.push_str(self.name);
        self.text.push_str(suffix);
        let bound = bound.map(|bound| ("le", Cow::Borrowed(bound)));
        let mut opening = '{';
        for (name, value) in labels.0.iter().chain(bound.as_ref()) {
            self.text.push(opening);
            self.text.push_str(name);
            self.text.push_str("=\"");
            escape(value, &mut self.text);
            self.text.push('"');
            opening = ',';
        }
        if opening == ',' {
            self.text.push('}');
        }
        self.line(format_args!(" {value}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{line}");
    }
}

/// The value of a label: backslash, quote and line feed are escaped.
fn escape(value: &str, text: &mut String) {
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}

/// A bound as OpenMetrics wants it, which is how Go writes a float: `0.005`,
/// `1.0`, `1.6384e-05`.
fn number(value: f64) -> String {
    if value >= 1e-4 {
        return format!("{value:?}");
    }
    let scientific = format!("{value:e}");
    match scientific.split_once("e-") {
        Some((digits, exponent)) => format!("{digits}e-{exponent:0>2}"),
        None => scientific,
    }
}

#[cfg(all(test, not(hybrid_loom)))]
mod tests {
    use super::*;

    fn preferred(accept: &str) -> Format {
        Format::preferred([accept].into_iter())
    }

    #[test]
    fn openmetrics_is_written_where_it_is_asked_for() {
        use Format::{OpenMetrics, Prometheus};
        assert_eq!(Format::preferred([].into_iter()), Prometheus);
        assert_eq!(preferred("*/*"), Prometheus);
        assert_eq!(preferred("text/html, text/plain"), Prometheus);
        assert_eq!(preferred("application/openmetrics-text"), OpenMetrics);
        // What Prometheus sends.
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,\
                          application/openmetrics-text;version=0.0.1;q=0.4,\
                          text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        assert_eq!(preferred(prometheus), OpenMetrics);
        assert_eq!(
            preferred("Application/OpenMetrics-Text; Q=0.1, text/plain"),
            Prometheus
        );
        assert_eq!(preferred("application/openmetrics-text;q=0"), Prometheus);
        assert_eq!(preferred("application/openmetrics-text;q=x"), Prometheus);
    }

    #[test]
    fn labels_are_escaped() {
        let mut text = String::new();
        escape("a\\b\"c\nd é", &mut text);
        assert_eq!(text, "a\\\\b\\\"c\\nd é");
    }

    #[test]
    fn bounds_are_written_as_go_writes_them() {
        assert_eq!(number(0.005), "0.005");
        assert_eq!(number(1.0), "1.0");
        assert_eq!(number(10.0), "10.0");
        assert_eq!(number(0.000_016_384), "1.6384e-05");
        assert_eq!(number(0.000_262_144), "0.000262144");
    }
}
