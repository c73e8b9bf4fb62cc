//! Names in the cases that serde's `rename_all` knows, from the names of variants.

/// The cases by the names that serde gives them.
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

/// A variant's name in one of [`CASES`]; `None` for a case that is none of them.
pub(crate) fn variant(name: &str, case: &str) -> Option<String> {
    Some(match case {
        "lowercase" => name.to_ascii_lowercase(),
        "UPPERCASE" => name.to_ascii_uppercase(),
        "PascalCase" => name.to_owned(),
        "camelCase" => {
            let (head, tail) = name.split_at(name.chars().next().map_or(0, char::len_utf8));
            head.to_ascii_lowercase() + tail
        }
        "snake_case" => snake(name),
        "SCREAMING_SNAKE_CASE" => snake(name).to_ascii_uppercase(),
        "kebab-case" => snake(name).replace('_', "-"),
        "SCREAMING-KEBAB-CASE" => snake(name).to_ascii_uppercase().replace('_', "-"),
        _ => return None,
    })
}

/// `NoSuchUser` as `no_such_user`, as serde does it: a `_` before every capital but the first.
pub(crate) fn snake(name: &str) -> String {
    let mut out = String::new();
    for (index, c) in name.char_indices() {
        if index > 0 && c.is_uppercase() {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// `NoSuchUser` as `No such user`.
pub(crate) fn sentence(name: &str) -> String {
    let words = snake(name).replace('_', " ");
    let (head, tail) = words.split_at(words.chars().next().map_or(0, char::len_utf8));
    head.to_uppercase() + tail
}

#[cfg(test)]
mod tests {
    use super::{CASES, sentence, variant};

    #[test]
    fn cases_are_those_of_serde() {
        let all: Vec<_> = CASES
            .iter()
            .map(|case| variant("NoSuchUser", case).unwrap_or_default())
            .collect();
        let expected = [
            "nosuchuser",
            "NOSUCHUSER",
            "NoSuchUser",
            "noSuchUser",
            "no_such_user",
            "NO_SUCH_USER",
            "no-such-user",
            "NO-SUCH-USER",
        ];
        assert_eq!(all, expected);
        assert_eq!(variant("X", "Title Case"), None);
        assert_eq!(sentence("NoSuchUser"), "No such user");
    }
}
