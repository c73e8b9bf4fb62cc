//! The formats by name.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{email, time, uri};

/// A form of text. The names are JSON Schema's.
///
/// ```
/// use hybrid_validate::Format;
///
/// assert_eq!(Format::from_name("date"), Some(Format::Date));
/// assert!(Format::Date.check("2024-02-29"));
/// assert!(!Format::Date.check("2023-02-29"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// An email address by the HTML standard's rule (`input type=email`), with RFC 5321's limits of length and
    /// without dots at the ends or side by side in the local part.
    Email,
    /// An absolute URI by RFC 3986: scheme first, ASCII only; a fragment is allowed.
    Uri,
    /// A UUID by RFC 9562: 32 hexadecimal digits of either case in groups of 8-4-4-4-12.
    Uuid,
    /// An IPv4 address as four decimal numbers without leading zeros.
    Ipv4,
    /// An IPv6 address by RFC 4291, without zone and prefix length.
    Ipv6,
    /// `full-date` of RFC 3339: `2024-02-29`.
    Date,
    /// `date-time` of RFC 3339, with an offset: `2024-02-29T23:59:59.5Z`.
    DateTime,
}

impl Format {
    /// Every format, in the order of the documentation.
    pub const ALL: &'static [Self] = &[
        Self::Email,
        Self::Uri,
        Self::Uuid,
        Self::Ipv4,
        Self::Ipv6,
        Self::Date,
        Self::DateTime,
    ];

    /// The format with this name, `None` where there is none.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|format| format.as_str() == name)
    }

    /// The name: `email`, `uri`, `uuid`, `ipv4`, `ipv6`, `date`, `date-time`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Uri => "uri",
            Self::Uuid => "uuid",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Date => "date",
            Self::DateTime => "date-time",
        }
    }

    /// Whether `text` has this form.
    #[must_use]
    pub fn check(self, text: &str) -> bool {
        match self {
            Self::Email => email::is_email(text),
            Self::Uri => uri::is_absolute_uri(text),
            Self::Uuid => is_uuid(text),
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::Date => time::is_date(text),
            Self::DateTime => time::is_date_time(text),
        }
    }

    /// What the text should be, with its article: `an email address`.
    #[must_use]
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Email => "an email address",
            Self::Uri => "an absolute URI",
            Self::Uuid => "a UUID",
            Self::Ipv4 => "an IPv4 address",
            Self::Ipv6 => "an IPv6 address",
            Self::Date => "a date (YYYY-MM-DD)",
            Self::DateTime => "a date and time with offset (RFC 3339)",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
