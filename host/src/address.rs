//! Who is at the other end: the peer, or the client that a listed proxy names.
//!
//! A header from anybody else is ignored: an empty list trusts nobody.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

/// The peer of a connection: put into each request by the accept loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// The client's address: the last entry of `X-Forwarded-For` that no listed proxy wrote, if the peer is one of them.
pub fn client(peer: Peer, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut address = peer.0.ip().to_canonical();
    let trusts = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
    let mut entries: Vec<&str> = Vec::new();
    for header in headers.get_all("x-forwarded-for") {
        // A header that is no text ends the chain that can be believed.
        entries.extend(header.to_str().unwrap_or("?").split(','));
    }
    while trusts(address) {
        let Some(entry) = entries.pop() else { break };
        let Some(next) = parse(entry.trim()) else { break };
        address = next;
    }
    address
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` and `[2001:db8::1]:4711`.
fn parse(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|e| e.strip_suffix(']')).unwrap_or(entry);
    bare.parse::<IpAddr>()
        .or_else(|_| entry.parse::<SocketAddr>().map(|a| a.ip()))
        .ok()
        .map(|address| address.to_canonical())
}

/// What a limit counts by: one household or one machine has a whole /64 of IPv6.
pub fn limit_key(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|t| t.parse().unwrap()).collect();
        client(Peer(SocketAddr::new(peer.parse().unwrap(), 1)), &headers, &trusted).to_string()
    }

    #[test]
    fn nobody_is_believed_unless_listed() {
        assert_eq!(of("192.0.2.9", &["198.51.100.1"], &[]), "192.0.2.9");
        assert_eq!(of("192.0.2.9", &["198.51.100.1"], &["10.0.0.0/8"]), "192.0.2.9");
    }

    #[test]
    fn a_listed_proxy_names_the_client_and_the_clients_own_entries_do_not_count() {
        let trusted = &["10.0.0.0/8"];
        assert_eq!(of("10.0.0.1", &["198.51.100.1"], trusted), "198.51.100.1");
        assert_eq!(of("10.0.0.1", &["1.1.1.1, 198.51.100.1"], trusted), "198.51.100.1");
        assert_eq!(of("10.0.0.1", &["1.1.1.1", "198.51.100.1, 10.0.0.2"], trusted), "198.51.100.1");
        assert_eq!(of("10.0.0.1", &["198.51.100.1:4711"], trusted), "198.51.100.1");
        assert_eq!(of("10.0.0.1", &["[2001:db8::1]:4711"], trusted), "2001:db8::1");
        assert_eq!(of("::ffff:10.0.0.1", &["198.51.100.1"], trusted), "198.51.100.1");
    }

    #[test]
    fn an_entry_that_is_no_address_ends_the_chain() {
        let trusted = &["10.0.0.0/8"];
        assert_eq!(of("10.0.0.1", &["198.51.100.1, unknown"], trusted), "10.0.0.1");
        assert_eq!(of("10.0.0.1", &["198.51.100.1, unknown, 10.0.0.3"], trusted), "10.0.0.3");
        assert_eq!(of("10.0.0.1", &[], trusted), "10.0.0.1");
    }

    #[test]
    fn limits_count_ipv6_by_64() {
        assert_eq!(limit_key("2001:db8:1:2:3:4:5:6".parse().unwrap()).to_string(), "2001:db8:1:2::");
        assert_eq!(limit_key("192.0.2.1".parse().unwrap()).to_string(), "192.0.2.1");
    }
}
