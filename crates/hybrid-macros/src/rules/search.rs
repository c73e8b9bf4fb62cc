//! Matches a regular expression against a literal, for defaults that must keep their own rule.
//!
//! Macros do not build the regex engine of the run time, which is large. This module walks the parsed expression with
//! the set of positions where a match may continue. Each node maps the positions where it may start to those where it
//! may end. That is fast enough for a literal of a few characters. Look-around beyond anchors is left to the check at
//! the start of the program.

use std::collections::BTreeSet;

use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

type Places = BTreeSet<usize>;

/// Whether the expression matches somewhere in the text. `None` if this module cannot decide.
pub(super) fn found(expression: &str, text: &str) -> Option<bool> {
    let hir = regex_syntax::parse(expression).ok()?;
    let everywhere = (0..=text.len())
        .filter(|at| text.is_char_boundary(*at))
        .collect();
    ends(&hir, text, everywhere).map(|ends| !ends.is_empty())
}

/// The positions where a match of the node can end, if it starts at one of the given positions.
fn ends(hir: &Hir, text: &str, from: Places) -> Option<Places> {
    match hir.kind() {
        HirKind::Empty => Some(from),
        HirKind::Literal(literal) => {
            let bytes = text.as_bytes();
            let hit = |at: &usize| bytes[*at..].starts_with(&literal.0);
            Some(
                from.into_iter()
                    .filter(hit)
                    .map(|at| at + literal.0.len())
                    .collect(),
            )
        }
        HirKind::Class(class) => Some(
            from.into_iter()
                .filter_map(|at| one(class, text, at))
                .collect(),
        ),
        HirKind::Look(look) => from
            .into_iter()
            .map(|at| Some((at, stands(*look, text, at)?)))
            .collect::<Option<Vec<_>>>()
            .map(|all| {
                all.into_iter()
                    .filter(|(_, stands)| *stands)
                    .map(|(at, _)| at)
                    .collect()
            }),
        HirKind::Repetition(repetition) => repeated(repetition, text, from),
        HirKind::Capture(capture) => ends(&capture.sub, text, from),
        HirKind::Concat(parts) => parts
            .iter()
            .try_fold(from, |from, part| ends(part, text, from)),
        HirKind::Alternation(parts) => {
            let mut all = Places::new();
            for part in parts {
                all.extend(ends(part, text, from.clone())?);
            }
            Some(all)
        }
    }
}

/// The position after one character of the class.
fn one(class: &Class, text: &str, at: usize) -> Option<usize> {
    let next = text[at..].chars().next()?;
    let hit = match class {
        Class::Unicode(class) => class
            .ranges()
            .iter()
            .any(|range| (range.start()..=range.end()).contains(&next)),
        Class::Bytes(class) => class.ranges().iter().any(|range| {
            u8::try_from(next).is_ok_and(|byte| (range.start()..=range.end()).contains(&byte))
        }),
    };
    hit.then(|| at + next.len_utf8())
}

fn repeated(repetition: &Repetition, text: &str, from: Places) -> Option<Places> {
    let mut current = from;
    for _ in 0..repetition.min {
        let next = ends(&repetition.sub, text, current.clone())?;
        if next == current || next.is_empty() {
            current = next;
            break;
        }
        current = next;
    }
    let mut all = current.clone();
    let mut left = repetition.max.map(|max| max - repetition.min);
    while left != Some(0) && !current.is_empty() {
        current = ends(&repetition.sub, text, current)?
            .difference(&all)
            .copied()
            .collect();
        all.extend(current.iter().copied());
        left = left.map(|left| left - 1);
    }
    Some(all)
}

/// Whether the anchor matches at the position. `None` for anchors that this module does not support.
fn stands(look: Look, text: &str, at: usize) -> Option<bool> {
    Some(match look {
        Look::Start => at == 0,
        Look::End => at == text.len(),
        Look::StartLF => at == 0 || text[..at].ends_with('\n'),
        Look::EndLF => at == text.len() || text[at..].starts_with('\n'),
        Look::WordUnicode => word_before(text, at) != word_after(text, at),
        Look::WordUnicodeNegate => word_before(text, at) == word_after(text, at),
        _ => return None,
    })
}

fn word_before(text: &str, at: usize) -> bool {
    text[..at]
        .chars()
        .next_back()
        .is_some_and(|c| c.is_alphanumeric() || c == '_')
}

fn word_after(text: &str, at: usize) -> bool {
    text[at..]
        .chars()
        .next()
        .is_some_and(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::found;

    #[test]
    fn literals_are_judged_as_the_engine_would() {
        let cases = [
            ("^(standard|advanced|premium)$", "standard", true),
            ("^(standard|advanced|premium)$", "basic", false),
            ("b+", "abbc", true),
            ("^b+", "abbc", false),
            (r"^\d{3}-[a-z]*$", "123-", true),
            (r"^\d{3}-[a-z]*$", "12-x", false),
            (r"\bfoo\b", "a foo b", true),
            (r"\bfoo\b", "afoo", false),
            ("(?i)^ä$", "Ä", true),
            ("^(a*)*$", "aaaa", true),
            ("^.{2,3}$", "äöü", true),
            ("^.{2,3}$", "äöüß", false),
            ("", "", true),
            ("^(a{2}){3}$", "aaaaaa", true),
            ("^(a{2}){3}$", "aaaa", false),
        ];
        for (expression, text, expected) in cases {
            assert_eq!(
                found(expression, text),
                Some(expected),
                "{expression} in {text}"
            );
        }
    }
}
