//! Checks of a model's rules that only a running program can do: defaults that are not literals, and the size of a
//! compiled pattern. They run once, when the program starts.

use std::collections::HashSet;
use std::fmt;

use crate::{Param, Rule};

/// Walks through models and collects the faults of their rules. Each model is visited once.
#[derive(Debug, Default)]
pub struct Survey {
    seen: HashSet<&'static str>,
    model: Option<SurveyedModel>,
    faults: Vec<String>,
    warnings: Vec<String>,
}

/// The model that is visited, for messages.
#[derive(Clone, Copy, Debug)]
struct SurveyedModel {
    name: &'static str,
    file: &'static str,
    line: u32,
}

impl Survey {
    /// A survey that has visited no model yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Visits the fields of the model `T`, unless it has done so already: models may contain themselves.
    pub fn model<T>(
        &mut self,
        name: &'static str,
        file: &'static str,
        line: u32,
        look: fn(&mut Self),
    ) {
        if self.seen.insert(std::any::type_name::<T>()) {
            let outer = self.model.replace(SurveyedModel { name, file, line });
            look(self);
            self.model = outer;
        }
    }

    /// Checks one field: its default must keep its rules, its patterns must compile.
    pub fn field<T>(&mut self, field: &Param<T>) {
        let place = self.place(field.name());
        for broken in field.default_violations() {
            self.warnings.push(format!(
                "the default of {place} breaks a rule of its own, and no request is refused for that: it {}",
                broken.message
            ));
        }
        for pattern in field.rules().filter_map(too_large) {
            self.faults
                .push(format!("the pattern of {place}: {pattern}"));
        }
    }

    /// Faults that stop the program from starting: patterns that refuse every text.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// Warnings: defaults that break a rule.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn place(&self, field: &str) -> String {
        match self.model {
            Some(model) => format!("the field `{field}` of {model}"),
            None => format!("`{field}`"),
        }
    }
}

fn too_large(rule: &Rule) -> Option<String> {
    match rule {
        Rule::Regex(pattern) => pattern.check().err(),
        _ => None,
    }
}

impl fmt::Display for SurveyedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, file, line } = self;
        write!(f, "`{name}` ({file}:{line})")
    }
}
