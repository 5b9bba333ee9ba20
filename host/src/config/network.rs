//! Lists of networks. It must not know whether they are trusted or reached.

use std::net::IpAddr;

use ipnet::IpNet;

use super::fault::quoted;
use super::section::Section;

/// Reads a list of networks and single addresses; an absent key is an empty list.
pub(crate) fn networks(section: &mut Section<'_>, key: &str) -> Vec<IpNet> {
    let Some(found) = section.texts(key) else { return Vec::new() };
    let mut networks = Vec::with_capacity(found.value.len());
    for text in found.value {
        match network(text.value) {
            Ok(network) => networks.push(network),
            Err(cure) => {
                section.fault(text.line, format!("{} is not a network", quoted(text.value)), cure);
            }
        }
    }
    networks
}

fn network(text: &str) -> Result<IpNet, String> {
    let network = match (text.parse::<IpNet>(), text.parse::<IpAddr>()) {
        (Ok(network), _) => network,
        (_, Ok(address)) => IpNet::from(address),
        _ => return Err("write one like `10.0.0.0/8`, `fd00::/8` or `192.0.2.7`".to_owned()),
    };
    // A mapped network would never match: a peer's or a target's address is unmapped before it is compared.
    if let IpNet::V6(v6) = network
        && let Some(v4) = v6.addr().to_ipv4_mapped()
    {
        return Err(match v6.prefix_len().checked_sub(96) {
            Some(32) => format!("write it as IPv4: `{v4}`"),
            Some(prefix) => format!("write it as IPv4: `{v4}/{prefix}`"),
            None => "write it as IPv4".to_owned(),
        });
    }
    // `10.0.0.1/8` could be meant as one address or as sixteen million.
    if network != network.trunc() {
        return Err(format!("write `{}` or `{}`", network.trunc(), network.addr()));
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_networks_and_single_addresses() {
        for (text, network_text) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("fd00::/8", "fd00::/8"),
            ("::1", "::1/128"),
            ("0.0.0.0/0", "0.0.0.0/0"),
        ] {
            assert_eq!(network(text).unwrap().to_string(), network_text);
        }
    }

    #[test]
    fn refuses_what_could_be_meant_in_two_ways() {
        assert_eq!(network("10.0.0.1/8").unwrap_err(), "write `10.0.0.0/8` or `10.0.0.1`");
        assert_eq!(network("::ffff:10.0.0.0/104").unwrap_err(), "write it as IPv4: `10.0.0.0/8`");
        assert_eq!(network("::ffff:10.0.0.1").unwrap_err(), "write it as IPv4: `10.0.0.1`");
        for text in ["", "10.0.0.0/33", "proxy.example.org", "10.0.0", "010.0.0.1"] {
            assert!(network(text).is_err(), "{text}");
        }
    }
}
