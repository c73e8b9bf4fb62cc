//! Rust names in the cases of serde's `rename_all`, letter for letter as serde writes them.

use syn::LitStr;

use crate::diag::nearest;

/// A case of serde's `rename_all`.
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
const CASES: &[&str] = &[
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
    /// The case that an attribute names.
    pub(crate) fn read(text: &LitStr) -> syn::Result<Self> {
        let name = text.value();
        Self::from_name(&name).ok_or_else(|| {
            let hint = nearest(&name, CASES).map_or_else(
                || format!("it is one of {}", CASES.join(", ")),
                |near| format!("did you mean \"{near}\"?"),
            );
            syn::Error::new(text.span(), format!("unknown case \"{name}\", {hint}"))
        })
    }

    fn from_name(name: &str) -> Option<Self> {
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

/// `NoSuchUser` as `no_such_user`: the code of a problem.
pub(crate) fn code(name: &str) -> String {
    snake(name).to_lowercase()
}

/// `NoSuchUser` as `No such user`: the title of a problem.
pub(crate) fn sentence(name: &str) -> String {
    let words = code(name).replace('_', " ");
    let (head, tail) = words.split_at(words.chars().next().map_or(0, char::len_utf8));
    head.to_uppercase() + tail
}

#[cfg(test)]
mod tests {
    use super::{CASES, Case, code, sentence};

    #[test]
    fn names_are_written_as_serde_writes_them() {
        let written = |name: &str| {
            let case = Case::from_name(name).expect("a case of serde's");
            (case.variant("NoSuchUser"), case.field("no_such_user"))
        };
        let all: Vec<_> = CASES.iter().map(|name| written(name)).collect();
        let expected = [
            ("nosuchuser", "no_such_user"),
            ("NOSUCHUSER", "NO_SUCH_USER"),
            ("NoSuchUser", "NoSuchUser"),
            ("noSuchUser", "noSuchUser"),
            ("no_such_user", "no_such_user"),
            ("NO_SUCH_USER", "NO_SUCH_USER"),
            ("no-such-user", "no-such-user"),
            ("NO-SUCH-USER", "NO-SUCH-USER"),
        ];
        let expected = expected.map(|(variant, field)| (variant.to_owned(), field.to_owned()));
        assert_eq!(all, expected);
        assert_eq!(Case::from_name("Title Case"), None);
    }

    /// serde changes the case of ASCII letters alone.
    #[test]
    fn letters_beyond_ascii_are_left_by_cases_and_not_by_codes() {
        assert_eq!(Case::Snake.variant("ÜberUns"), "Über_uns");
        assert_eq!(code("ÜberUns"), "über_uns");
    }

    #[test]
    fn a_problem_has_a_code_and_a_title() {
        assert_eq!(code("NoSuchUser"), "no_such_user");
        assert_eq!(sentence("NoSuchUser"), "No such user");
    }
}
