//! The client's address: that of the connection, or the one that trusted proxies
//! name in `Forwarded` (RFC 7239) and `X-Forwarded-For`.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use http::{HeaderMap, HeaderName, header};
use hybrid_validate::split_unquoted;

use crate::config::Network;

/// The other end of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// Its address; `None` inside another server, which has the socket.
    pub addr: Option<SocketAddr>,
}

/// The address of the client.
///
/// It is that of the connection, unless that belongs to one of the
/// `trusted_proxies`: then it is what the proxies wrote down, read from the
/// right to the left up to the first address that is not a trusted proxy's.
/// What stands further left was written by the client and proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddr {
    ip: IpAddr,
    port: Option<u16>,
}

impl ClientAddr {
    /// The address; IPv4 mapped into IPv6 is IPv4.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.ip
    }

    /// The port, where it is known: proxies rarely write it down.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Finds the client of a request; `None` where there is no connection.
    pub(crate) fn find(peer: Peer, headers: &HeaderMap, trusted: &[Network]) -> Option<Self> {
        let near = Self::from(peer.addr?);
        if !near.is_in(trusted) {
            return Some(near);
        }
        let forwarded = headers
            .contains_key(header::FORWARDED)
            .then(|| furthest(near, hops_of_forwarded(headers), trusted));
        let listed = headers
            .contains_key(X_FORWARDED_FOR)
            .then(|| furthest(near, hops_of_list(headers), trusted));
        Some(match (forwarded, listed) {
            // A proxy writes one of the two and may pass the other through as
            // the client sent it. Where they disagree, neither is believed.
            (Some(one), Some(other)) if one.ip != other.ip => near,
            (Some(found), _) | (None, Some(found)) => found,
            (None, None) => near,
        })
    }

    /// Of an address that is known already, without its port.
    pub(crate) fn of_ip(ip: IpAddr) -> Self {
        Self {
            ip: ip.to_canonical(),
            port: None,
        }
    }

    fn is_in(&self, networks: &[Network]) -> bool {
        networks.iter().any(|network| network.contains(self.ip))
    }
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Walks from the connection to the client, while each hop is trusted to have
/// named the one before it. A hop that cannot be read ends the way.
fn furthest(
    near: ClientAddr,
    hops: impl Iterator<Item = Option<ClientAddr>>,
    trusted: &[Network],
) -> ClientAddr {
    let mut at = near;
    for hop in hops {
        let Some(hop) = hop else { return at };
        at = hop;
        if !at.is_in(trusted) {
            return at;
        }
    }
    at
}

/// The hops of all `X-Forwarded-For` headers, the last first.
fn hops_of_list(headers: &HeaderMap) -> impl Iterator<Item = Option<ClientAddr>> {
    let values: Vec<_> = headers.get_all(X_FORWARDED_FOR).iter().collect();
    let texts = values
        .into_iter()
        .rev()
        .map(|value| value.to_str().unwrap_or("?"));
    texts
        .flat_map(|text| text.rsplit(','))
        .map(|hop| parse(hop.trim()))
}

/// The `for` of all elements of all `Forwarded` headers, the last first.
fn hops_of_forwarded(headers: &HeaderMap) -> impl Iterator<Item = Option<ClientAddr>> {
    let values: Vec<_> = headers.get_all(header::FORWARDED).iter().collect();
    let texts = values
        .into_iter()
        .rev()
        .map(|value| value.to_str().unwrap_or("?"));
    texts
        .flat_map(|text| {
            let elements: Vec<_> = split_unquoted(text, b',').collect();
            elements.into_iter().rev()
        })
        .map(|element| {
            let node = split_unquoted(element, b';').find_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                name.trim()
                    .eq_ignore_ascii_case("for")
                    .then(|| value.trim())
            })?;
            let node = node
                .strip_prefix('"')
                .and_then(|node| node.strip_suffix('"'))
                .unwrap_or(node);
            parse(node)
        })
}

/// An address with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`,
/// `[2001:db8::1]`, `[2001:db8::1]:80`. `unknown` and `_hidden` are none.
fn parse(node: &str) -> Option<ClientAddr> {
    if let Ok(addr) = node.parse::<SocketAddr>() {
        return Some(addr.into());
    }
    let bare = node
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(node);
    let ip: IpAddr = bare.parse().ok()?;
    Some(ClientAddr {
        ip: ip.to_canonical(),
        port: None,
    })
}

impl From<SocketAddr> for ClientAddr {
    fn from(addr: SocketAddr) -> Self {
        Self {
            ip: addr.ip().to_canonical(),
            port: Some(addr.port()),
        }
    }
}

impl fmt::Display for ClientAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => SocketAddr::new(self.ip, port).fmt(f),
            None => self.ip.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.1:4000";

    fn find(peer: &str, headers: &[(&'static str, &str)]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let peer = Peer {
            addr: Some(peer.parse().unwrap()),
        };
        ClientAddr::find(peer, &map, &trusted).unwrap().to_string()
    }

    #[test]
    fn headers_of_a_client_that_is_no_proxy_are_not_believed() {
        let spoofed = [
            ("x-forwarded-for", "192.0.2.9"),
            ("forwarded", "for=192.0.2.9"),
        ];
        assert_eq!(find("198.51.100.1:9", &spoofed), "198.51.100.1:9");
    }

    #[test]
    fn a_trusted_proxy_names_the_client() {
        assert_eq!(
            find(PROXY, &[("x-forwarded-for", "192.0.2.9")]),
            "192.0.2.9"
        );
        assert_eq!(
            find(PROXY, &[("x-forwarded-for", "192.0.2.9:77")]),
            "192.0.2.9:77"
        );
        assert_eq!(
            find(PROXY, &[("forwarded", "for=192.0.2.9;proto=http")]),
            "192.0.2.9"
        );
        let quoted = [("forwarded", "proto=https;For=\"[2001:db8::1]:4711\"")];
        assert_eq!(find(PROXY, &quoted), "[2001:db8::1]:4711");
        assert_eq!(find(PROXY, &[]), PROXY);
    }

    #[test]
    fn what_stands_left_of_the_first_untrusted_hop_proves_nothing() {
        let headers = [("x-forwarded-for", "1.1.1.1, 192.0.2.9, 10.0.0.2")];
        assert_eq!(find(PROXY, &headers), "192.0.2.9");
        let headers = [
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-for", "192.0.2.9, 10.0.0.2"),
        ];
        assert_eq!(find(PROXY, &headers), "192.0.2.9");
        let headers = [("forwarded", "for=1.1.1.1, for=192.0.2.9, for=10.0.0.2")];
        assert_eq!(find(PROXY, &headers), "192.0.2.9");
        let headers = [("forwarded", "for=\"1.1.1.1, for=2.2.2.2\", for=192.0.2.9")];
        assert_eq!(find(PROXY, &headers), "192.0.2.9");
    }

    #[test]
    fn a_hop_that_cannot_be_read_ends_the_way() {
        for hidden in ["unknown", "_secret", "", "\"", "999.1.1.1"] {
            let headers = [("x-forwarded-for", &*format!("192.0.2.9, {hidden}"))];
            assert_eq!(find(PROXY, &headers), PROXY, "{hidden}");
        }
        assert_eq!(find(PROXY, &[("forwarded", "proto=http")]), PROXY);
        assert_eq!(
            find(
                PROXY,
                &[("x-forwarded-for", "192.0.2.9, unknown, 10.0.0.7")]
            ),
            "10.0.0.7"
        );
    }

    #[test]
    fn headers_that_disagree_are_not_believed() {
        let headers = [
            ("forwarded", "for=6.6.6.6"),
            ("x-forwarded-for", "192.0.2.9"),
        ];
        assert_eq!(find(PROXY, &headers), PROXY);
        let headers = [
            ("forwarded", "for=192.0.2.9"),
            ("x-forwarded-for", "192.0.2.9"),
        ];
        assert_eq!(find(PROXY, &headers), "192.0.2.9");
    }

    #[test]
    fn mapped_addresses_are_ipv4() {
        assert_eq!(
            find("[::ffff:10.0.0.1]:1", &[("x-forwarded-for", "192.0.2.9")]),
            "192.0.2.9"
        );
    }
}
