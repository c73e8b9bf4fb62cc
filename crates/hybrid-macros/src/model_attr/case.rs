//! serde's `rename_all`: Rust names to wire names. As serde does it, letter for letter.

/// A way to write names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

/// The names of the cases.
pub(crate) const CASES: &[&str] = &[
    "lowercase",
    "UPPERCASE",
    "PascalCase",
    "camelCase",
    "snake_case",
    "SCREAMING_SNAKE_CASE",
    "kebab-case",
    "SCREAMING-KEBAB-CASE",
];

impl Case {
    /// The case of that name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "lowercase" => Self::Lower,
            "UPPERCASE" => Self::Upper,
            "PascalCase" => Self::Pascal,
            "camelCase" => Self::Camel,
            "snake_case" => Self::Snake,
            "SCREAMING_SNAKE_CASE" => Self::ScreamingSnake,
            "kebab-case" => Self::Kebab,
            "SCREAMING-KEBAB-CASE" => Self::ScreamingKebab,
            _ => return None,
        })
    }

    /// A field's name, which is in snake case.
    pub(crate) fn field(self, name: &str) -> String {
        match self {
            Self::Lower | Self::Snake => name.to_owned(),
            Self::Upper | Self::ScreamingSnake => name.to_ascii_uppercase(),
            Self::Pascal => pascal(name),
            Self::Camel => uncapital(&pascal(name)),
            Self::Kebab => name.replace('_', "-"),
            Self::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
        }
    }

    /// A variant's name, which is in Pascal case.
    pub(crate) fn variant(self, name: &str) -> String {
        match self {
            Self::Pascal => name.to_owned(),
            Self::Lower => name.to_ascii_lowercase(),
            Self::Upper => name.to_ascii_uppercase(),
            Self::Camel => uncapital(name),
            Self::Snake => snake(name),
            Self::ScreamingSnake => snake(name).to_ascii_uppercase(),
            Self::Kebab => snake(name).replace('_', "-"),
            Self::ScreamingKebab => snake(name).to_ascii_uppercase().replace('_', "-"),
        }
    }
}

fn pascal(name: &str) -> String {
    let mut text = String::new();
    let mut capital = true;
    for one in name.chars() {
        if one == '_' {
            capital = true;
        } else if capital {
            text.push(one.to_ascii_uppercase());
            capital = false;
        } else {
            text.push(one);
        }
    }
    text
}

fn uncapital(name: &str) -> String {
    let mut rest = name.chars();
    rest.next().map_or_else(String::new, |first| {
        first.to_ascii_lowercase().to_string() + rest.as_str()
    })
}

fn snake(name: &str) -> String {
    let mut text = String::new();
    for (at, one) in name.char_indices() {
        if at > 0 && one.is_uppercase() {
            text.push('_');
        }
        text.push(one.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Case;

    #[test]
    fn names_are_written_as_serde_writes_them() {
        assert_eq!(Case::Camel.field("outcome_code"), "outcomeCode");
        assert_eq!(Case::Pascal.field("outcome_code"), "OutcomeCode");
        assert_eq!(Case::ScreamingKebab.field("outcome_code"), "OUTCOME-CODE");
        assert_eq!(Case::Snake.variant("VeryTasty"), "very_tasty");
        assert_eq!(Case::Kebab.variant("VeryTasty"), "very-tasty");
        assert_eq!(Case::Camel.variant("VeryTasty"), "veryTasty");
        assert_eq!(Case::ScreamingSnake.variant("VeryTasty"), "VERY_TASTY");
        assert_eq!(Case::Lower.variant("VeryTasty"), "verytasty");
    }
}
