//! Which addresses a provider may be reached at. Judged when connecting, after DNS: a name that pointed elsewhere a moment
//! ago (rebinding) is judged by what it points to now.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// The addresses that one provider may use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Egress {
    /// Networks that the operator opened with `allow_networks`.
    pub allow_networks: Vec<IpNet>,
    /// Whether this server itself lives on loopback, as in the demo.
    pub loopback_allowed: bool,
}

/// An address that must not be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {class}, which this provider may not reach{}", cure(class))]
pub struct RefusedAddress {
    /// The address, with an embedded IPv4 address taken out of it.
    pub address: IpAddr,
    /// What kind of address it is.
    pub class: &'static str,
}

fn cure(class: &str) -> &'static str {
    match class {
        LOOPBACK | MULTICAST | RESERVED => "",
        LINK_LOCAL => {
            "; if it should, list in `allow_networks` its address, or a network of such addresses alone"
        }
        _ => "; if it should, list its network in `allow_networks`",
    }
}

const LOOPBACK: &str = "a loopback address";
const LINK_LOCAL: &str = "a link-local address";
const MULTICAST: &str = "a multicast address";
const RESERVED: &str = "a reserved address";

/// Whether a network has link-local addresses only.
fn is_link_local(network: &IpNet) -> bool {
    match network {
        IpNet::V4(v4) => v4.prefix_len() >= 16 && v4.network().octets()[..2] == [169, 254],
        IpNet::V6(v6) => v6.prefix_len() >= 10 && v6.network().segments()[0] & 0xffc0 == 0xfe80,
    }
}

impl Egress {
    /// Whether the address may be reached: a global unicast one, or one that was opened.
    pub fn permits(&self, address: IpAddr) -> Result<(), RefusedAddress> {
        let address = unwrap(address);
        let Some(class) = special(address) else { return Ok(()) };
        let inside = |of: fn(&IpNet) -> bool| {
            self.allow_networks.iter().any(|network| of(network) && network.contains(&address))
        };
        let open = match class {
            // Never opened by a network: what listens there trusts whoever can connect.
            LOOPBACK => self.loopback_allowed,
            // Where clouds hand out credentials (169.254.169.254), so nobody opens it by opening everything.
            LINK_LOCAL => inside(is_link_local),
            MULTICAST | RESERVED => false,
            _ => inside(|_| true),
        };
        if open { Ok(()) } else { Err(RefusedAddress { address, class }) }
    }
}

/// The IPv4 address that an IPv6 one stands for where packets to it end at the IPv4 one.
fn unwrap(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match [a, b, c, d, e, f] {
        // IPv4-mapped (RFC 4291 §2.5.5.2), and translated (RFC 2765 §2.1).
        [0, 0, 0, 0, 0, 0xffff] | [0, 0, 0, 0, 0xffff, 0] => v4(g, h),
        // NAT64, well-known prefix (RFC 6052 §2.1).
        [0x64, 0xff9b, 0, 0, 0, 0] => v4(g, h),
        // 6to4 (RFC 3056 §2).
        [0x2002, ..] => v4(b, c),
        // IPv4-compatible (RFC 4291 §2.5.5.1), but for `::` and `::1`.
        [0, 0, 0, 0, 0, 0] if g != 0 || h > 1 => v4(g, h),
        _ => address,
    }
}

/// What is special about an address, by the registries of RFC 6890; `None` for global unicast.
fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => special_v6(v6),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    Some(match address.octets() {
        // Linux connects 0.0.0.0 to this machine itself.
        [0 | 127, ..] => LOOPBACK,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "a private address",
        [100, 64..=127, ..] => "an address of a carrier's own network",
        [169, 254, ..] => LINK_LOCAL,
        [192, 0, 0, _] => "an address for protocols",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "an address for documentation",
        [192, 88, 99, _] => "a relay's address",
        [198, 18..=19, ..] => "an address for benchmarks",
        [224..=239, ..] => MULTICAST,
        [240..=255, ..] => RESERVED,
        _ => return None,
    })
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    Some(match address.segments() {
        // As does `::`.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => LOOPBACK,
        [0x64, 0xff9b, 1, ..] => "a local NAT64 address",
        [0x100, 0, 0, 0, ..] => "a discard-only address",
        // Teredo, ORCHID, benchmarks and other protocols: 2001::/23.
        [0x2001, 0..=0x1ff, ..] => "an address for protocols",
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => "an address for documentation",
        [0x5f00, ..] => "a segment routing address",
        [0xfc00..=0xfdff, ..] => "a unique local address",
        [0xfe80..=0xfebf, ..] => LINK_LOCAL,
        [0xfec0..=0xfeff, ..] => "a site-local address",
        [0xff00..=0xffff, ..] => MULTICAST,
        [0x2000..=0x3fff, ..] => return None,
        _ => RESERVED,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permitted(egress: &Egress, address: &str) -> bool {
        egress.permits(address.parse().unwrap()).is_ok()
    }

    #[test]
    fn only_global_unicast_addresses_are_reached_by_default() {
        let egress = Egress::default();
        for address in
            ["140.82.121.3", "1.1.1.1", "2606:4700::1111", "2a00:1450::1", "192.0.1.1", "172.32.0.1"]
        {
            assert!(permitted(&egress, address), "{address}");
        }
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "127.255.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.1.1",
            "169.254.169.254",
            "192.0.0.8",
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.9",
            "198.18.0.1",
            "192.88.99.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "2001:db8::1",
            "3fff::1",
            "2001::1",
            "2001:10::1",
            "100::1",
            "64:ff9b:1::1",
            "5f00::1",
            "4000::1",
        ] {
            assert!(!permitted(&egress, address), "{address}");
        }
    }

    #[test]
    fn an_ipv4_address_inside_an_ipv6_one_is_judged_as_itself() {
        let egress = Egress::default();
        for address in [
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:10.0.0.1",
            "::ffff:0:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "2002:0a00:0001::1",
            "::10.0.0.1",
            "::127.0.0.1",
        ] {
            assert!(!permitted(&egress, address), "{address}");
        }
        for address in ["::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:0101:0101::1"] {
            assert!(permitted(&egress, address), "{address}");
        }
    }

    #[test]
    fn a_listed_network_opens_itself_and_nothing_else() {
        let egress = Egress {
            allow_networks: vec!["10.1.0.0/16".parse().unwrap(), "fd00:1::/32".parse().unwrap()],
            loopback_allowed: false,
        };
        assert!(permitted(&egress, "10.1.2.3"));
        assert!(permitted(&egress, "::ffff:10.1.2.3"));
        assert!(permitted(&egress, "fd00:1::5"));
        assert!(!permitted(&egress, "10.2.0.1"));
        assert!(!permitted(&egress, "fd00:2::5"));
        assert!(!permitted(&egress, "169.254.169.254"));
    }

    #[test]
    fn loopback_is_opened_by_the_server_being_there_and_by_no_network() {
        let listed = Egress { allow_networks: vec!["127.0.0.0/8".parse().unwrap()], loopback_allowed: false };
        assert!(!permitted(&listed, "127.0.0.1"));
        let demo = Egress { allow_networks: Vec::new(), loopback_allowed: true };
        assert!(permitted(&demo, "127.0.0.1"));
        assert!(permitted(&demo, "::1"));
        assert!(!permitted(&demo, "10.0.0.1"));
    }

    #[test]
    fn opening_everything_opens_no_loopback_link_local_multicast_or_reserved_address() {
        let everything =
            ["0.0.0.0/0", "::/0", "169.0.0.0/8", "fe00::/8"].map(|n| n.parse().unwrap()).to_vec();
        let egress = Egress { allow_networks: everything, loopback_allowed: false };
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "::",
            "::1",
            "::ffff:0.0.0.0",
            "169.254.169.254",
            "fe80::1",
            "::ffff:169.254.169.254",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
            "240.0.0.1",
            "4000::1",
        ] {
            assert!(!permitted(&egress, address), "{address}");
        }
        assert!(permitted(&egress, "10.0.0.1"));
        let link = ["169.254.7.0/24", "fe80::/64"].map(|n| n.parse().unwrap()).to_vec();
        let egress = Egress { allow_networks: link, loopback_allowed: false };
        assert!(permitted(&egress, "169.254.7.1") && permitted(&egress, "fe80::1"));
        assert!(!permitted(&egress, "169.254.169.254"));
    }

    #[test]
    fn the_message_says_what_the_address_is_and_what_to_change() {
        let refused = Egress::default().permits("::ffff:10.0.0.7".parse().unwrap()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "10.0.0.7 is a private address, which this provider may not reach; if it should, list its network in \
             `allow_networks`"
        );
    }
}
