//! What only a running program can say of a model's rules, asked once, at its start: defaults that are no literals, and
//! how large a pattern is once compiled.

use std::collections::HashSet;
use std::fmt;

use crate::{Param, Rule};

/// Walks through models and collects what is wrong with their fields. Each model is looked at once.
#[derive(Debug, Default)]
pub struct Survey {
    seen: HashSet<&'static str>,
    model: Option<Model>,
    faults: Vec<String>,
    warnings: Vec<String>,
}

/// The model that is looked at, for messages.
#[derive(Clone, Copy, Debug)]
struct Model {
    name: &'static str,
    file: &'static str,
    line: u32,
}

impl Survey {
    /// Nothing was looked at yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at the fields of the model `T`, unless that was done already: models may contain themselves.
    pub fn model<T>(
        &mut self,
        name: &'static str,
        file: &'static str,
        line: u32,
        look: fn(&mut Self),
    ) {
        if self.seen.insert(std::any::type_name::<T>()) {
            let outer = self.model.replace(Model { name, file, line });
            look(self);
            self.model = outer;
        }
    }

    /// Looks at one field: its default is held against its rules, its patterns are compiled.
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

    /// What keeps the program from starting: patterns that refuse every text.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// What somebody should look at: defaults that break a rule.
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

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, file, line } = self;
        write!(f, "`{name}` ({file}:{line})")
    }
}
