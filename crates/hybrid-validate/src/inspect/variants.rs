//! Enums: finds the sent variant and its content. There is one function for each of serde's four forms.

use serde::de::DeserializeOwned;

use super::error::NO_VARIANT;
use super::json::JsonKind;
use super::{Fields, Input, scalars, serde_types};
use crate::{ParamError, Report};

/// The wire names of an enum's variants.
#[derive(Debug)]
pub struct Names {
    names: &'static [&'static str],
    aliases: &'static [(&'static str, usize)],
}

impl Names {
    /// The names in the order of the variants.
    #[must_use]
    pub const fn new(names: &'static [&'static str]) -> Self {
        Self {
            names,
            aliases: &[],
        }
    }

    /// Aliases, each with the number of its variant.
    #[must_use]
    pub const fn aliases(mut self, aliases: &'static [(&'static str, usize)]) -> Self {
        self.aliases = aliases;
        self
    }

    fn find(&self, text: &str, report: &mut Report) -> Option<usize> {
        let found = self.position(text);
        if found.is_none() {
            ParamError::one_of(self.names).report::<()>(report);
        }
        found
    }

    fn position(&self, text: &str) -> Option<usize> {
        let by_name = self.names.iter().position(|name| *name == text);
        by_name.or_else(|| {
            self.aliases
                .iter()
                .find(|(alias, _)| *alias == text)
                .map(|(_, index)| *index)
        })
    }
}

/// The variant of an externally tagged enum: `"unit"` or `{"name": content}`.
pub fn external<'a>(
    input: Input<'a>,
    names: &Names,
    report: &mut Report,
) -> Option<(usize, Option<Input<'a>>)> {
    match input {
        Input::Json(json) if json.kind() == JsonKind::String => {
            let text = scalars::string(json, report)?;
            Some((names.find(&text, report)?, None))
        }
        Input::Json(json) if json.kind() == JsonKind::Object => {
            let [(key, content)] = &json.entries(report)?[..] else {
                report.expected("an object with one key");
                return None;
            };
            Some((names.find(key, report)?, Some(Input::Json(*content))))
        }
        Input::Json(_) => {
            // The names help a client that sent a number for a word.
            report.expected(&format!("one of {}", names.names.join(", ")));
            None
        }
        Input::Texts(_) => {
            let text = <String as super::Inspect>::inspect(input, report)?;
            Some((names.find(&text, report)?, None))
        }
        Input::Rest(fields) => {
            let found = fields.variant(|key| names.position(key));
            if found.is_none() {
                report.expected(&format!("one of the keys {}", names.names.join(", ")));
            }
            found.map(|(index, content)| (index, Some(content)))
        }
        Input::Pairs(_) => {
            report.expected("a single value");
            None
        }
    }
}

/// The number of the variant that the tag names.
pub fn tagged(
    fields: &Fields<'_>,
    tag: &'static str,
    names: &Names,
    report: &mut Report,
) -> Option<usize> {
    let text = fields.tag(tag, report)?;
    report.at_key(tag, |report| names.find(&text, report))
}

/// The content of an externally tagged variant that has one.
pub fn within<'a, T>(
    name: &'static str,
    content: Option<Input<'a>>,
    report: &mut Report,
    inspect: impl FnOnce(Input<'a>, &mut Report) -> Option<T>,
) -> Option<T> {
    let Some(content) = content else {
        report.expected(&format!("an object with the key {name}"));
        return None;
    };
    report.at_key(name, |report| inspect(content, report))
}

/// The content of a variant without fields: none, or `null`.
pub fn unit(name: &'static str, content: Option<Input<'_>>, report: &mut Report) -> Option<()> {
    match content {
        None => Some(()),
        Some(content) => report.at_key(name, |report| {
            <() as super::Inspect>::inspect(content, report)
        }),
    }
}

/// The content of an internally tagged variant: the object without the tag.
pub fn alongside<T>(
    fields: &Fields<'_>,
    report: &mut Report,
    inspect: impl FnOnce(Input<'_>, &mut Report) -> Option<T>,
) -> Option<T> {
    inspect(Input::Rest(fields), report)
}

/// The content of an adjacently tagged variant that has one.
pub fn beside<T>(
    fields: &Fields<'_>,
    key: &'static str,
    report: &mut Report,
    inspect: impl FnOnce(Input<'_>, &mut Report) -> Option<T>,
) -> Option<T> {
    let content = fields.content(key, report)?;
    report.at_key(key, |report| match content {
        Some(content) => inspect(content, report),
        None => {
            report.missing();
            None
        }
    })
}

/// The content of an adjacently tagged variant without fields.
pub fn nothing_beside(fields: &Fields<'_>, key: &'static str, report: &mut Report) -> Option<()> {
    unit(key, fields.content(key, report)?, report)
}

/// An enum without a tag: the first variant that fits. If none fits, there is one violation, since the intended variant
/// is unknown. In JSON it is serde's violation, which knows the variant if only a rule is broken.
pub fn untagged<T: DeserializeOwned>(
    input: Input<'_>,
    report: &mut Report,
    variants: &[fn(Input<'_>, &mut Report) -> Option<T>],
) -> Option<T> {
    for variant in variants {
        let mut aside = Report::first_only(report.source());
        let value = variant(input, &mut aside);
        if aside.is_too_deep() {
            report.refuse_depth();
            return None;
        }
        if aside.is_empty() && value.is_some() {
            return value;
        }
    }
    let first = match input {
        Input::Json(json) => serde_types::located::<T>(json.text()),
        Input::Texts(_) | Input::Pairs(_) | Input::Rest(_) => None,
    };
    match first {
        Some(fault) => fault.report(report),
        None => report.violate("type", NO_VARIANT),
    }
    None
}
