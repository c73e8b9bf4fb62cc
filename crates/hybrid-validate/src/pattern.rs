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
    compiled: OnceLock<Result<regex::Regex, String>>,
}

impl Pattern {
    /// Bytes that a compiled expression may take: 10 MiB, the `regex` crate's own default. Large counted
    /// repetitions of Unicode classes (`\w{500}`) are what reaches it.
    pub const SIZE_MAX: usize = 10 << 20;

    /// How deep groups and repetitions may nest; the same in macros and at run time.
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
    /// Whether the expression is found in `text`. An expression that does not compile is found nowhere: a rule
    /// that cannot be checked refuses. [`Pattern::check`] tells the reason.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.compiled()
            .as_ref()
            .is_ok_and(|regex| regex.is_match(text))
    }

    /// Compiles the expression now, so that no request pays for it.
    ///
    /// # Errors
    /// The reason, on one line, when the expression does not parse or its compiled form is too large.
    pub fn check(&self) -> Result<(), String> {
        self.compiled().as_ref().map(|_| ()).map_err(Clone::clone)
    }

    fn compiled(&self) -> &Result<regex::Regex, String> {
        self.compiled.get_or_init(|| {
            crate::literal::regex(self.source)?;
            regex::RegexBuilder::new(self.source)
                .size_limit(Self::SIZE_MAX)
                .nest_limit(Self::NEST_MAX)
                .build()
                .map_err(|error| match error {
                    regex::Error::CompiledTooBig(limit) => {
                        format!("the compiled regex is larger than {limit} bytes")
                    }
                    other => other.to_string(),
                })
        })
    }
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
