//! The declaration of a parameter, and how its value is read and checked.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde_json::Value;

use crate::report::Report;
use crate::rule::Rule;
use crate::schema;
use crate::text::{FromTexts, Style};
use crate::violation::{Source, Violation};

/// How many rules one value may have, custom checks included. There are 13 kinds of rules.
pub(super) const RULES_MAX: usize = 16;

/// One value read from a request, or one field of a model: wire name, rules, default, documentation.
///
/// ```
/// use hybrid_validate::{Param, Pattern, Report, Source, query};
///
/// static CODE: Pattern = Pattern::new("^[a-z]+$");
/// static NAMES: Param<Vec<String>> = query("names").max_items(3).regex(&CODE).csv();
///
/// let mut report = Report::new(Source::Query);
/// assert_eq!(NAMES.read(&["ada,grace".into()], &mut report).unwrap(), ["ada", "grace"]);
///
/// NAMES.read(&["ada,7".into()], &mut report);
/// assert_eq!(report.into_violations()[0].to_string(), "query.names.1: must match ^[a-z]+$");
/// ```
pub struct Param<T> {
    pub(super) name: &'static str,
    pub(super) source: Source,
    pub(super) style: Style,
    pub(super) slots: [Slot<T>; RULES_MAX],
    pub(super) used: usize,
    /// The smallest `max_length`, in characters: longer texts are not searched by a regex.
    pub(super) longest: usize,
    pub(super) message: Option<&'static str>,
    pub(super) default: Option<fn() -> T>,
    pub(super) description: Option<&'static str>,
    pub(super) example: Option<&'static str>,
    pub(super) deprecated: bool,
    pub(super) spelled: bool,
    pub(super) holds_no_value: PhantomData<fn() -> T>,
}

/// A rule, and the function that checks it on `T`.
pub(super) enum Slot<T> {
    Empty,
    Number(Rule, fn(&T, &Rule, &mut Report)),
    Text(Rule, fn(&T, &Rule, usize, &mut Report)),
    Items(Rule, fn(&T) -> Option<usize>),
    Unique(fn(&T) -> bool),
    Custom(fn(&T, &mut Report)),
}

macro_rules! sources {
    ($($(#[$doc:meta])* $name:ident: $source:ident;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub const fn $name<T>(name: &'static str) -> Param<T> {
            Param::new(Source::$source, name)
        }
    )*};
}

sources! {
    /// A segment of the path.
    path: Path;
    /// A key of the query.
    query: Query;
    /// A header. Its name is matched without regard to case, and reported as it is written here.
    header: Header;
    /// A cookie.
    cookie: Cookie;
    /// A field of a form.
    form: Form;
    /// An uploaded file.
    file: File;
    /// A field of a model.
    field: Body;
}

// === impl Param: what a request asks ===

impl<T> Param<T> {
    /// Makes the value from the texts that were sent under its name, and checks the rules. Violations are reported at
    /// the name. `None` means that there is a violation.
    ///
    /// Without a text, the default is the value. It is not checked again, see [`Param::default_violations`].
    #[inline]
    pub fn read(&self, texts: &[Cow<'_, str>], report: &mut Report) -> Option<T>
    where
        T: FromTexts,
    {
        if let (true, Some(default)) = (texts.is_empty(), self.default) {
            return Some(default());
        }
        let before = report.found();
        let value = report.at_key(self.name, |report| {
            let value = T::from_texts(texts, self.style, report)?;
            self.check(&value, report);
            Some(value)
        });
        if report.found() == before {
            value
        } else {
            self.check_texts_as_sent(texts, before, report);
            None
        }
    }

    /// Checks all rules on a value. The report is already at the place of the value: the name is not added.
    #[inline]
    pub fn check(&self, value: &T, report: &mut Report) {
        let mark = report.len();
        for slot in &self.slots[..self.used] {
            slot.check_value(value, self.longest, report);
        }
        if let (Some(text), true) = (self.message, report.len() > mark) {
            report.reword(mark, text);
        }
    }

    /// A new default value.
    #[must_use]
    pub fn default_value(&self) -> Option<T> {
        self.default.map(|default| default())
    }
}

impl<T> Slot<T> {
    #[inline]
    pub(super) fn check_value(&self, value: &T, longest: usize, report: &mut Report) {
        match self {
            Self::Number(rule, check) => check(value, rule, report),
            Self::Text(rule, check) => check(value, rule, longest, report),
            Self::Items(rule, count) => {
                if count(value).is_some_and(|count| !rule.admits_count(count)) {
                    report.break_rule(rule);
                }
            }
            Self::Unique(repeats) => {
                if repeats(value) {
                    report.break_rule(&Rule::UniqueItems);
                }
            }
            Self::Custom(check) => check(value, report),
            Self::Empty => {}
        }
    }

    fn rule(&self) -> Option<&Rule> {
        match self {
            Self::Number(rule, _) | Self::Text(rule, _) | Self::Items(rule, _) => Some(rule),
            Self::Unique(_) => Some(&Rule::UniqueItems),
            Self::Custom(_) | Self::Empty => None,
        }
    }
}

// === impl Param: what a description and the start-up ask ===

impl<T> Param<T> {
    /// The wire name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The part of the request that it comes from.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    /// How a list is written.
    #[must_use]
    pub const fn style(&self) -> Style {
        self.style
    }

    /// Whether a list is one text with commas between.
    #[must_use]
    pub const fn is_csv(&self) -> bool {
        matches!(self.style, Style::Csv)
    }

    /// The rules in the order of declaration. Custom checks are not among them.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.slots[..self.used].iter().filter_map(Slot::rule)
    }

    /// Whether there is a default.
    #[must_use]
    pub const fn has_default(&self) -> bool {
        self.default.is_some()
    }

    /// Whether a request without the value is refused.
    #[must_use]
    pub const fn is_required(&self) -> bool
    where
        T: FromTexts,
    {
        self.default.is_none() && !T::MAY_BE_ABSENT
    }

    /// The purpose of the value.
    #[must_use]
    pub const fn description_text(&self) -> Option<&'static str> {
        self.description
    }

    /// The message in place of the text of every rule.
    #[must_use]
    pub const fn message_text(&self) -> Option<&'static str> {
        self.message
    }

    /// A value as a client would write it.
    #[must_use]
    pub const fn example_text(&self) -> Option<&'static str> {
        self.example
    }

    /// Whether the name of the header is meant as it is spelled, underscores included.
    pub(crate) const fn is_spelled(&self) -> bool {
        self.spelled
    }

    /// Whether clients should stop sending it.
    #[must_use]
    pub const fn is_deprecated(&self) -> bool {
        self.deprecated
    }

    /// The rules that the default breaks, reported at the parameter's name. Empty without a default. Called when the
    /// program starts: a request never checks the default.
    /// ```
    /// use hybrid_validate::{Param, query};
    ///
    /// static LIMIT: Param<u32> = query("limit").le(100).default(|| 500);
    ///
    /// assert_eq!(LIMIT.default_violations()[0].to_string(), "query.limit: must be at most 100");
    /// ```
    #[must_use]
    pub fn default_violations(&self) -> Vec<Violation> {
        let mut report = Report::new(self.source);
        if let Some(default) = self.default {
            report.at_key(self.name, |report| self.check(&default(), report));
        }
        report.into_violations()
    }

    /// Compiles every regex now.
    ///
    /// # Errors
    /// One line for each regex that does not compile.
    pub fn check_patterns(&self) -> Result<(), Vec<String>> {
        let faults: Vec<String> = self
            .rules()
            .filter_map(|rule| match rule {
                Rule::Regex(pattern) => pattern
                    .check()
                    .err()
                    .map(|reason| format!("regex {pattern}: {reason}")),
                _ => None,
            })
            .collect();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }

    /// The default as JSON, for the `default` keyword. `None` if there is no default, or if it has no JSON form.
    #[must_use]
    pub fn default_json(&self) -> Option<Value>
    where
        T: serde::Serialize,
    {
        self.default_value()
            .and_then(|value| serde_json::to_value(value).ok())
    }

    /// Adds the rules and the documentation to `shape`, the JSON Schema of the type. Rules about elements go to
    /// `items`, rules about entries of a map to `additionalProperties`.
    /// ```
    /// use hybrid_validate::{Param, query};
    /// use serde_json::json;
    ///
    /// static LIMIT: Param<u32> = query("limit").ge(1).le(100).description("Rows on a page");
    ///
    /// let schema = LIMIT.schema(json!({ "type": "integer" }));
    /// assert_eq!(schema["maximum"], 100);
    /// assert_eq!(schema["description"], "Rows on a page");
    /// ```
    #[must_use]
    pub fn schema(&self, shape: Value) -> Value {
        let mut schema = shape;
        for rule in self.rules() {
            schema::put_rule(&mut schema, rule);
        }
        schema::put_documentation(&mut schema, self.description, self.example, self.deprecated);
        schema
    }
}

impl<T> fmt::Debug for Param<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Param")
            .field("source", &self.source)
            .field("name", &self.name)
            .field("rules", &self.rules().collect::<Vec<_>>())
            .field("has_default", &self.has_default())
            .finish_non_exhaustive()
    }
}
