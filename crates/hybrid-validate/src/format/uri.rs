//! Absolute URIs by the grammar of RFC 3986, appendix A.

use std::net::Ipv6Addr;

/// Schemes with an authority whose host cannot be empty (RFC 9110, 4.2; RFC 6455, 3; RFC 1738, 3.2).
const SCHEMES_WITH_HOST: [&str; 5] = ["http", "https", "ws", "wss", "ftp"];

pub(super) fn is_absolute_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let (rest, fragment) = split_at_mark(rest, '#');
    let (hierarchy, query) = split_at_mark(rest, '?');
    is_scheme(scheme)
        && is_hierarchy(scheme, hierarchy)
        && [query, fragment]
            .into_iter()
            .flatten()
            .all(|part| all_of(part, is_query_byte))
}

fn split_at_mark(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark)
        .map_or((text, None), |(before, after)| (before, Some(after)))
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn is_hierarchy(scheme: &str, hierarchy: &str) -> bool {
    let wants_host = SCHEMES_WITH_HOST
        .iter()
        .any(|known| known.eq_ignore_ascii_case(scheme));
    let Some(rest) = hierarchy.strip_prefix("//") else {
        return !wants_host && all_of(hierarchy, is_path_byte);
    };
    let path_at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(path_at);
    is_authority(authority, wants_host) && all_of(path, is_path_byte)
}

fn is_authority(authority: &str, wants_host: bool) -> bool {
    let (user, host_and_port) = authority
        .rsplit_once('@')
        .map_or(("", authority), |(user, rest)| (user, rest));
    let Some((host, port)) = split_port(host_and_port) else {
        return false;
    };
    all_of(user, |byte| is_name_byte(byte) || byte == b':')
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && (!wants_host || !host.is_empty())
        && is_host(host)
}

/// Host and port. `None` if anything but a port follows an address in brackets.
fn split_port(text: &str) -> Option<(&str, &str)> {
    if text.starts_with('[') {
        let end = text.find(']')? + 1;
        let (host, rest) = text.split_at(end);
        return if rest.is_empty() {
            Some((host, ""))
        } else {
            Some((host, rest.strip_prefix(':')?))
        };
    }
    Some(text.split_once(':').unwrap_or((text, "")))
}

fn is_host(host: &str) -> bool {
    let Some(inner) = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    else {
        return all_of(host, is_name_byte);
    };
    inner.parse::<Ipv6Addr>().is_ok() || is_future_address(inner)
}

/// `IPvFuture`: `v1.anything`.
fn is_future_address(text: &str) -> bool {
    let Some((version, address)) = text.split_once('.') else {
        return false;
    };
    let Some(digits) = version.strip_prefix(['v', 'V']) else {
        return false;
    };
    !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        && !address.is_empty()
        && address
            .bytes()
            .all(|byte| is_name_byte(byte) || byte == b':')
}

/// Whether each byte is allowed, or part of a `%` with two hexadecimal digits.
fn all_of(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let fits = match byte {
            b'%' => (0..2).all(|_| bytes.next().is_some_and(|digit| digit.is_ascii_hexdigit())),
            other => allowed(other),
        };
        if !fits {
            return false;
        }
    }
    true
}

/// `unreserved / sub-delims`.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)
}

/// `pchar` and the slash.
fn is_path_byte(byte: u8) -> bool {
    is_name_byte(byte) || b":@/".contains(&byte)
}

fn is_query_byte(byte: u8) -> bool {
    is_path_byte(byte) || byte == b'?'
}
