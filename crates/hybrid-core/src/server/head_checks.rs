//! Checks on a request's head, for what hyper accepts although RFC 9112 and
//! RFC 9110 forbid it, or although no honest client sends it.
//!
//! hyper itself refuses what it cannot parse, and heads beyond `head_limit`
//! (`closing` writes those answers).

use std::sync::OnceLock;

use http::{
    HeaderMap, HeaderValue, Method, Uri, Version, header,
    request::Parts,
    uri::{Authority, Scheme},
};

use crate::{
    config::Settings,
    problem::{Problem, kinds},
};

/// The limits on a head that hyper does not have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadLimits {
    pub(crate) headers_max: usize,
    pub(crate) uri_bytes_max: usize,
    pub(crate) method_bytes_max: usize,
}

impl HeadLimits {
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            headers_max: settings.headers_max,
            uri_bytes_max: settings.uri_limit,
            method_bytes_max: settings.method_limit,
        }
    }
}

/// The first texts of `Host` that were found to be one: a server is mostly called by
/// the same few names, and a text that is known is not taken apart again.
#[derive(Debug, Default)]
pub(crate) struct KnownHosts([OnceLock<Box<[u8]>>; 4]);

impl KnownHosts {
    fn is_plain(&self, host: &[u8]) -> bool {
        for place in &self.0 {
            match place.get() {
                Some(known) if **known == *host => return true,
                Some(_) => {}
                None => {
                    let is_plain = is_plain(host);
                    if is_plain {
                        // Another request may have taken the place meanwhile.
                        let _ = place.set(host.into());
                    }
                    return is_plain;
                }
            }
        }
        is_plain(host)
    }
}

/// What a head that is in order asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A resource.
    Resource,
    /// `OPTIONS *`: whether the server is there.
    Server,
}

/// Judges a head.
///
/// # Errors
/// 400 `malformed_request`, 414 `uri_too_long`, 417 `expectation_failed`, 431
/// `headers_too_large` or 501 `not_implemented`.
pub(crate) fn check(
    parts: &Parts,
    limits: &HeadLimits,
    known: &KnownHosts,
) -> Result<Asked, Problem> {
    check_method(&parts.method, limits)?;
    let asked = check_target(parts, limits)?;
    check_headers(parts, limits, known)?;
    Ok(asked)
}

fn check_method(method: &Method, limits: &HeadLimits) -> Result<(), Problem> {
    let refused = method.as_str().len() > limits.method_bytes_max
        || matches!(*method, Method::CONNECT | Method::TRACE);
    if refused {
        return Err(not_implemented("the method is not implemented"));
    }
    Ok(())
}

fn check_target(parts: &Parts, limits: &HeadLimits) -> Result<Asked, Problem> {
    let uri = &parts.uri;
    let path = uri.path();
    let query = uri.query().unwrap_or_default();
    // Scheme and authority count from where they matter: they are short.
    if path.len() + query.len() > limits.uri_bytes_max {
        return Err(uri_too_long(limits.uri_bytes_max));
    }
    if path == "*" && uri.authority().is_none() {
        return match parts.method {
            Method::OPTIONS => Ok(Asked::Server),
            _ => Err(malformed("the target `*` is for `OPTIONS`")),
        };
    }
    if !path.starts_with('/') || (uri.scheme().is_none() && uri.authority().is_some()) {
        return Err(malformed("the target must begin with `/`"));
    }
    check_path(path.as_bytes())?;
    if !are_all(query.as_bytes(), &VISIBLE) {
        return Err(malformed(
            "the target has bytes that must be percent-encoded",
        ));
    }
    Ok(Asked::Resource)
}

/// A path is decoded once, strictly: what cannot be decoded is refused here.
fn check_path(path: &[u8]) -> Result<(), Problem> {
    // Most paths encode nothing; the others are looked at byte by byte.
    if are_all(path, &VISIBLE_BUT_PERCENT) {
        return Ok(());
    }
    let mut rest = path;
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte == b'%' {
            match after {
                [b'0', b'0', ..] => return Err(malformed("the path has a NUL")),
                [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {}
                _ => return Err(malformed("the path has a `%` that encodes nothing")),
            }
        } else if !VISIBLE[usize::from(*byte)] {
            return Err(malformed("the path has bytes that must be percent-encoded"));
        }
    }
    Ok(())
}

// === Sets of bytes ===

const VISIBLE: [bool; 256] = {
    let mut set = [false; 256];
    let mut byte = 0;
    while byte < set.len() {
        set[byte] = (byte as u8).is_ascii_graphic();
        byte += 1;
    }
    set
};

const VISIBLE_BUT_PERCENT: [bool; 256] = {
    let mut set = VISIBLE;
    set[b'%' as usize] = false;
    set
};

const USUAL_IN_HOST: [bool; 256] = {
    let mut set = [false; 256];
    let mut byte = 0;
    while byte < set.len() {
        let letter = byte as u8;
        set[byte] = letter.is_ascii_alphanumeric() || matches!(letter, b'.' | b'-' | b'_');
        byte += 1;
    }
    set
};

/// Whether all bytes are of a set. Looks at all of them: texts are short and
/// mostly in order, and a way out at each byte would cost more.
fn are_all(text: &[u8], set: &[bool; 256]) -> bool {
    text.iter()
        .fold(true, |all, byte| all & set[usize::from(*byte)])
}

/// One pass over the headers for all rules on them.
fn check_headers(parts: &Parts, limits: &HeadLimits, known: &KnownHosts) -> Result<(), Problem> {
    if parts.headers.len() > limits.headers_max {
        return Err(headers_too_large(format!(
            "the request has more than {} headers",
            limits.headers_max
        )));
    }
    let (mut host, mut codings) = (None, 0);
    for (name, value) in &parts.headers {
        if name == header::HOST {
            if host.replace(value).is_some() {
                return Err(malformed("the request has more than one `Host`"));
            }
        } else if name == header::EXPECT {
            check_expect(parts.version, value)?;
        } else if name == header::TRANSFER_ENCODING {
            codings = count_codings(codings, value)?;
        }
    }
    check_host(parts, host, known)
}

fn check_expect(version: Version, value: &HeaderValue) -> Result<(), Problem> {
    // HTTP/1.0 did not have it: RFC 9110, section 10.1.1.
    let is_met = |expectation: &[u8]| expectation.eq_ignore_ascii_case(b"100-continue");
    if version < Version::HTTP_11 || elements(value).all(is_met) {
        return Ok(());
    }
    Err(Problem::of(&kinds::EXPECTATION_FAILED)
        .with_detail("the one expectation that is met is `100-continue`"))
}

/// hyper decodes `chunked`, once, and would hand any coding below it to the handler.
/// Several lines are one list; how many codings stood before is passed along.
fn count_codings(before: usize, value: &HeaderValue) -> Result<usize, Problem> {
    let mut count = before;
    for coding in elements(value) {
        count += 1;
        if count > 1 || !coding.eq_ignore_ascii_case(b"chunked") {
            return Err(not_implemented(
                "the one transfer coding that is understood is `chunked`, once",
            ));
        }
    }
    Ok(count)
}

/// The elements of a list; empty ones are nothing (RFC 9110, section 5.6.1). In the lists
/// that are judged here, whatever has quotes is refused.
fn elements(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    let parts = value.as_bytes().split(|byte| *byte == b',');
    parts
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

fn check_host(
    parts: &Parts,
    host: Option<&HeaderValue>,
    known: &KnownHosts,
) -> Result<(), Problem> {
    let uri = &parts.uri;
    if uri
        .authority()
        .is_some_and(|authority| !is_plain(authority.as_str().as_bytes()))
    {
        return Err(malformed("the target's authority is not a host and a port"));
    }
    match (host, uri.authority()) {
        (None, Some(_)) if parts.version >= Version::HTTP_2 => Ok(()),
        (None, _) if parts.version < Version::HTTP_11 => Ok(()),
        (None, _) => Err(malformed("the request has no `Host`")),
        (Some(host), authority) => {
            if !known.is_plain(host.as_bytes()) {
                return Err(malformed("`Host` is not a host and a port"));
            }
            match authority {
                Some(authority) if !same_authority(uri, authority, host.as_bytes()) => {
                    Err(malformed("`Host` differs from the target's authority"))
                }
                _ => Ok(()),
            }
        }
    }
}

/// Whether text is a host with an optional port: no user info, no path, no list.
/// An empty `Host` is allowed by RFC 9112, section 3.2.
fn is_plain(text: &[u8]) -> bool {
    // Most hosts are of a few characters, with a port or without; the others are
    // taken apart.
    let last = &text[text.len().saturating_sub(PORT_BYTES_MAX)..];
    let host = match last.iter().rposition(|byte| *byte == b':') {
        Some(at) if is_port(&last[at + 1..]) => &text[..text.len() - last.len() + at],
        _ => text,
    };
    let is_usual = are_all(host, &USUAL_IN_HOST) && (!host.is_empty() || text.is_empty());
    is_usual || std::str::from_utf8(text).is_ok_and(is_unusual_authority)
}

/// `:65535`, the longest without zeros before it.
const PORT_BYTES_MAX: usize = 6;

fn is_port(digits: &[u8]) -> bool {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    let number = &digits[zeros..];
    // Of the numbers of five digits, text compares as they do.
    let fits = number.len() < 5 || (number.len() == 5 && number <= &b"65535"[..]);
    fits && number.iter().all(u8::is_ascii_digit)
}

fn is_unusual_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (text, ""),
    };
    if !is_port(port.as_bytes()) {
        return false;
    }
    if let Some(address) = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    !host.contains(['@', ',', ':', '[', ']', '/']) && host.parse::<Authority>().is_ok()
}

/// Whether target and `Host` name the same place; a default port may be left out.
fn same_authority(uri: &Uri, authority: &Authority, host: &[u8]) -> bool {
    let default = if uri.scheme() == Some(&Scheme::HTTPS) {
        ":443"
    } else {
        ":80"
    };
    fn short<'a>(text: &'a [u8], default: &str) -> &'a [u8] {
        text.strip_suffix(default.as_bytes())
            .or(text.strip_suffix(b":"))
            .unwrap_or(text)
    }
    let target = short(authority.as_str().as_bytes(), default);
    target.eq_ignore_ascii_case(short(host, default))
}

/// Whether the client waits for `100 Continue` before it sends its body.
pub(crate) fn awaits_continue(headers: &HeaderMap) -> bool {
    headers.contains_key(header::EXPECT)
}

fn malformed(detail: &'static str) -> Problem {
    Problem::bad_request(detail)
}

/// 501, for what HTTP has and this server has not.
pub(crate) fn not_implemented(detail: &'static str) -> Problem {
    Problem::of(&kinds::NOT_IMPLEMENTED).with_detail(detail)
}

/// 414, with the limit.
pub(crate) fn uri_too_long(limit: usize) -> Problem {
    Problem::of(&kinds::URI_TOO_LONG).with_detail(format!(
        "the target is longer than the limit of {limit} bytes"
    ))
}

/// 431, with the limit.
pub(crate) fn headers_too_large(detail: String) -> Problem {
    Problem::of(&kinds::HEADERS_TOO_LARGE).with_detail(detail)
}

#[cfg(test)]
mod tests;
