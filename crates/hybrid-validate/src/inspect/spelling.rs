//! Compares the name of a field with a sent key.

use crate::Source;

/// How names are compared.
#[derive(Clone, Copy)]
pub(super) enum Spelling {
    Exact,
    /// Ignores case. A hyphen in the key matches an underscore in the name.
    Header,
    /// Ignores case. The author has written the name of the header.
    HeaderAsSpelled,
}

impl Spelling {
    pub(super) fn of(source: Source, is_spelled: bool) -> Self {
        match source {
            Source::Header if is_spelled => Self::HeaderAsSpelled,
            Source::Header => Self::Header,
            _ => Self::Exact,
        }
    }

    /// Whether the sent key is the field's own name.
    pub(super) fn is_key(self, name: &str, sent: &str) -> bool {
        match self {
            Self::Exact => name == sent,
            Self::Header => names_header(name, sent),
            Self::HeaderAsSpelled => name.eq_ignore_ascii_case(sent),
        }
    }

    /// Whether the sent key is an alias of the field.
    pub(super) fn is_alias(self, alias: &str, sent: &str) -> bool {
        match self {
            Self::Exact => alias == sent,
            Self::Header | Self::HeaderAsSpelled => names_header(alias, sent),
        }
    }
}

/// Whether a field's name matches a header: case is ignored, and an underscore in the name matches a hyphen. A sent
/// header with an underscore matches no field: a proxy in front of the server that removes `X-User-Id` does not know
/// `X_User_Id` (RFC 9110, section 17.10).
pub(super) fn names_header(field: &str, sent: &str) -> bool {
    let same = |(field, sent): (u8, u8)| match field {
        b'_' => sent == b'-',
        _ => field.eq_ignore_ascii_case(&sent),
    };
    field.len() == sent.len() && field.bytes().zip(sent.bytes()).all(same)
}
