//! What rules, texts and reports do, seen from outside; a module for each subject.

mod bridge;
mod extra;
mod formats;
mod literals;
mod numbers;
mod params;
mod plain;
mod properties;
mod rules;
mod schemas;
mod texts;
mod violations;

use std::borrow::Cow;

use hybrid_validate::{FromTexts, Param, Report, Violation};

/// The value, or the violations, of reading `texts`.
fn read<T: FromTexts>(param: &Param<T>, texts: &[&str]) -> Result<T, Vec<Violation>> {
    let texts: Vec<Cow<'_, str>> = texts.iter().map(|text| Cow::Borrowed(*text)).collect();
    let mut report = Report::new(param.source());
    let value = param.read(&texts, &mut report);
    assert_eq!(
        value.is_some(),
        report.is_empty(),
        "a value exactly if nothing was wrong"
    );
    value.ok_or_else(|| report.into_violations())
}

/// `place code: message` of every violation of reading `texts`.
fn faults<T: FromTexts>(param: &Param<T>, texts: &[&str]) -> Vec<String> {
    lines(&read(param, texts).err().unwrap_or_default())
}

/// `place code: message` of every violation of a value.
fn faults_of<T>(param: &Param<T>, value: &T) -> Vec<String> {
    let mut report = Report::new(param.source());
    param.check(value, &mut report);
    lines(&report.into_violations())
}

fn lines(violations: &[Violation]) -> Vec<String> {
    violations
        .iter()
        .map(|v| format!("{} {}: {}", v.location, v.code, v.message))
        .collect()
}
