//! A strict parser of both formats of metrics.

use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Prometheus,
    OpenMetrics,
}

#[derive(Debug, Default)]
pub(super) struct Family {
    pub(super) kind: String,
    pub(super) help: String,
    pub(super) unit: Option<String>,
    pub(super) samples: Vec<Sample>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: f64,
}

/// A page, read strictly: anything that a parser might take amiss panics.
#[derive(Debug)]
pub(super) struct Metrics {
    pub(super) families: BTreeMap<String, Family>,
}

impl Metrics {
    pub(super) fn parse(text: &str, format: Format) -> Self {
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        let mut current = String::new();
        assert!(text.ends_with('\n'), "the last line ends");
        let mut lines: Vec<&str> = text.strip_suffix('\n').unwrap().split('\n').collect();
        if format == Format::OpenMetrics {
            assert_eq!(lines.pop(), Some("# EOF"));
        }
        for line in lines {
            assert!(!line.is_empty() && !line.contains('\r'), "{line:?}");
            if let Some(comment) = line.strip_prefix("# ") {
                let (word, rest) = comment.split_once(' ').unwrap();
                let (name, text) = rest.split_once(' ').unwrap();
                if current != name {
                    assert!(!families.contains_key(name), "{name} twice");
                    name.clone_into(&mut current);
                }
                let family = families.entry(name.to_owned()).or_default();
                assert!(family.samples.is_empty(), "metadata before samples: {line}");
                match word {
                    "HELP" => text.clone_into(&mut family.help),
                    "TYPE" => text.clone_into(&mut family.kind),
                    "UNIT" => {
                        assert_eq!(format, Format::OpenMetrics);
                        assert!(name.ends_with(&format!("_{text}")), "{line}");
                        family.unit = Some(text.to_owned());
                    }
                    other => panic!("{other} in {line}"),
                }
                continue;
            }
            let sample = Sample::parse(line);
            let family = families.get_mut(&current).unwrap();
            let suffixes: &[&str] = match (family.kind.as_str(), format) {
                ("counter", Format::OpenMetrics) => &["_total"],
                ("counter" | "gauge", _) => &[""],
                ("histogram", _) => &["_bucket", "_sum", "_count"],
                (other, _) => panic!("{other} is no type"),
            };
            let suffix = sample.name.strip_prefix(&current);
            assert!(
                suffix.is_some_and(|suffix| suffixes.contains(&suffix)),
                "{line}"
            );
            assert!(sample.value >= 0.0, "{line}");
            assert!(
                !family.samples.iter().any(|known| known.is_same(&sample)),
                "twice: {line}"
            );
            family.samples.push(sample);
        }
        let metrics = Self { families };
        metrics.check_histograms();
        metrics
    }

    /// Buckets in order, cumulative, and the last of them the count.
    pub(super) fn check_histograms(&self) {
        for (name, family) in &self.families {
            assert!(!family.help.is_empty() && !family.kind.is_empty(), "{name}");
            if family.kind != "histogram" {
                continue;
            }
            let mut series: BTreeMap<_, Vec<&Sample>> = BTreeMap::new();
            for sample in &family.samples {
                let mut labels = sample.labels.clone();
                labels.remove("le");
                series.entry(labels).or_default().push(sample);
            }
            for (labels, samples) in series {
                let of = |suffix: &str| {
                    let name = format!("{name}{suffix}");
                    let samples = samples.iter().filter(move |sample| sample.name == name);
                    samples.collect::<Vec<_>>()
                };
                let buckets = of("_bucket");
                let bounds: Vec<f64> = buckets
                    .iter()
                    .map(|bucket| match bucket.labels["le"].as_str() {
                        "+Inf" => f64::INFINITY,
                        bound => bound.parse().unwrap(),
                    })
                    .collect();
                assert!(bounds.is_sorted_by(|a, b| a < b), "{name} {labels:?}");
                assert_eq!(bounds.last(), Some(&f64::INFINITY));
                assert!(
                    buckets.is_sorted_by(|a, b| a.value <= b.value),
                    "{name} {labels:?}"
                );
                let [count] = of("_count")[..] else {
                    panic!("{name} {labels:?} has no count");
                };
                assert_eq!(buckets.last().unwrap().value, count.value);
                assert_eq!(of("_sum").len(), 1);
            }
        }
    }

    /// The samples of that name with all of those labels.
    pub(super) fn samples<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&str, &str)],
    ) -> impl Iterator<Item = &'a Sample> {
        let samples = self.families.values().flat_map(|family| &family.samples);
        samples.filter(move |sample| {
            sample.name == name
                && labels.iter().all(|(name, value)| {
                    sample.labels.get(*name).map(String::as_str) == Some(value)
                })
        })
    }

    pub(super) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.samples(name, labels).map(|sample| sample.value).sum()
    }
}

impl Sample {
    /// `name{label="value",…} value`, and not a blank more.
    pub(super) fn parse(line: &str) -> Self {
        let end = line.find(['{', ' ']).unwrap();
        let name = line[..end].to_owned();
        let is_name = |name: &str| {
            !name.is_empty()
                && !name.starts_with(|c: char| c.is_ascii_digit())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        assert!(is_name(&name), "{line}");
        let mut labels = BTreeMap::new();
        let mut rest = &line[end..];
        if let Some(inner) = rest.strip_prefix('{') {
            rest = inner;
            loop {
                let (label, quoted) = rest.split_once("=\"").unwrap();
                assert!(is_name(label), "{line}");
                let (value, after) = unescape(quoted);
                assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
                if let Some(next) = after.strip_prefix(',') {
                    rest = next;
                    continue;
                }
                rest = after.strip_prefix('}').unwrap_or_else(|| panic!("{line}"));
                break;
            }
        }
        let value = rest.strip_prefix(' ').unwrap();
        assert!(!value.contains(' '), "{line}");
        Self {
            name,
            labels,
            value: value.parse().unwrap(),
        }
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.labels == other.labels
    }
}

/// The text up to the closing quote, and what follows.
fn unescape(quoted: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.push(match chars.next().unwrap().1 {
                'n' => '\n',
                escaped @ ('\\' | '"') => escaped,
                other => panic!("\\{other}"),
            }),
            c => value.push(c),
        }
    }
    panic!("no closing quote: {quoted}")
}
