//! A regular expression that is compiled once, at its first use, and searched in linear time.

#[cfg(feature = "runtime")]
use std::sync::OnceLock;

use std::fmt;

/// A regular expression in a `static`. It searches; anchor it with `^` and `$` to match the whole text.
///
/// The syntax is that of the `regex` crate, with Unicode. No look-around and no back-references, so the time is
/// linear in the text. The compiled form is limited to [`Pattern::SIZE_MAX`] bytes.
///
/// ```
/// use hybrid_validate::Pattern;
///
/// static CODE: Pattern = Pattern::new("^[a-z]+$");
/// # #[cfg(feature = "runtime")] {
/// assert!(CODE.is_match("abc"));
/// assert!(!CODE.is_match("abc1"));
/// # }
/// ```
pub struct Pattern {
    source: &'static str,
    #[cfg(feature = "runtime")]
    compiled: OnceLock<Result<::regex::Regex, String>>,
}

impl Pattern {
    /// The maximal size of a compiled expression in bytes: 10 MiB, the default of the `regex` crate. Large counted
    /// repetitions of Unicode classes (`\w{500}`) reach it.
    pub const SIZE_MAX: usize = 10 << 20;

    /// The maximal nesting of groups and repetitions, in macros and at run time.
    pub const NEST_MAX: u32 = 250;

    /// An expression that is not compiled yet.
    #[must_use]
    pub const fn new(source: &'static str) -> Self {
        Self {
            source,
            #[cfg(feature = "runtime")]
            compiled: OnceLock::new(),
        }
    }

    /// The expression as it was written.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        self.source
    }
}

#[cfg(feature = "runtime")]
impl Pattern {
    /// Whether `text` matches the expression. An expression that does not compile matches no text. [`Pattern::check`]
    /// returns the reason.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.compiled()
            .as_ref()
            .is_ok_and(|regex| regex.is_match(text))
    }

    /// Compiles the expression now, so that no request has to.
    ///
    /// # Errors
    /// The reason, on one line, when the expression does not parse or its compiled form is too large.
    pub fn check(&self) -> Result<(), String> {
        self.compiled().as_ref().map(|_| ()).map_err(Clone::clone)
    }

    fn compiled(&self) -> &Result<::regex::Regex, String> {
        self.compiled.get_or_init(|| {
            regex(self.source)?;
            ::regex::RegexBuilder::new(self.source)
                .size_limit(Self::SIZE_MAX)
                .nest_limit(Self::NEST_MAX)
                .build()
                .map_err(|error| match error {
                    ::regex::Error::CompiledTooBig(limit) => {
                        format!("the compiled regex is larger than {limit} bytes")
                    }
                    other => other.to_string(),
                })
        })
    }
}

/// Whether `source` is a regular expression that [`Pattern`] takes: one of the `regex` crate, with Unicode, nested at
/// most [`Pattern::NEST_MAX`] deep.
///
/// # Errors
/// The reason on one line, such as `unclosed group`.
/// ```
/// use hybrid_validate::literal;
///
/// assert!(literal::regex("^[a-z]+$").is_ok());
/// assert_eq!(literal::regex("("), Err("unclosed group".to_owned()));
/// ```
pub fn regex(source: &str) -> Result<(), String> {
    regex_at(source).map_err(|(reason, _)| reason)
}

/// As [`regex()`](fn@regex), with the bytes of `source` that the reason is about.
///
/// # Errors
/// The reason on one line and the range of bytes.
pub fn regex_at(source: &str) -> Result<(), (String, std::ops::Range<usize>)> {
    let parsed = regex_syntax::ParserBuilder::new()
        .nest_limit(Pattern::NEST_MAX)
        .build()
        .parse(source);
    let (reason, span) = match &parsed {
        Ok(_) => return Ok(()),
        Err(regex_syntax::Error::Parse(error)) => (error.kind().to_string(), *error.span()),
        Err(regex_syntax::Error::Translate(error)) => (error.kind().to_string(), *error.span()),
        Err(other) => return Err((other.to_string().replace('\n', " "), 0..source.len())),
    };
    Err((reason, span.start.offset..span.end.offset))
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.source).finish()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source)
    }
}
