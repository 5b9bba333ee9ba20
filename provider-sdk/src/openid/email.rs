//! E-mail addresses as far as a rule may rest on them: their domain, and nothing that could be read in two ways.

use url::Host;

use crate::{Error, Result, Verified};

/// The domain of an address, in its one spelling; `None` for what is no plain address.
///
/// An address has one `@`, which is ASCII's, and no white space, quotes or other characters beyond ASCII: `a@evil@corp.com`
/// and `a@corp.com` with a full-width `@` are none. A domain in another script is written in ASCII (`xn--…`) by whoever
/// sends it.
///
/// ```
/// # use vestibule_provider::openid::domain_of;
/// assert_eq!(domain_of("Ada@Corp.COM").as_deref(), Some("corp.com"));
/// assert_eq!(domain_of("a@evil@corp.com"), None);
/// ```
pub fn domain_of(address: &str) -> Option<String> {
    let (local, domain) = address.split_once('@')?;
    let plain = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !b"@\"\\<>(),;:[]%".contains(&b))
    };
    // A local part may hold `%`; a domain may not, and `Host::parse` would decode it.
    if !plain(&local.replace('%', "p")) || !plain(domain) {
        return None;
    }
    canonical(domain).filter(|domain| !domain.ends_with('.'))
}

/// In lower case and ASCII, if it is a name and no address of a machine.
fn canonical(domain: &str) -> Option<String> {
    match Host::parse(domain).ok()? {
        Host::Domain(name) => Some(name),
        Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

/// The domains whose people are let in, by their verified addresses; none of them: everyone is.
///
/// Only as good as the provider's word for an address: whoever can have one verified in that domain comes in.
#[derive(Debug, Clone, Default)]
pub struct EmailDomains(Vec<String>);

impl EmailDomains {
    /// Domains that an operator wrote into the setting `key`. One stands for itself and not for those below it.
    pub fn new(key: &str, domains: Vec<String>) -> Result<Self> {
        let domain = |text: String| {
            let fault = |why: &str| Err(Error::bad_settings(format_args!("`{key}` holds `{text}`, {why}")));
            if text.contains('@') {
                return fault("which is an address: write the domain alone, as in `corp.example`");
            }
            if text.contains('*') {
                return fault("and there are no wildcards: write each domain");
            }
            match canonical(&text) {
                Some(name) if !name.ends_with('.') && !text.contains('%') => Ok(name),
                _ => fault("which is no domain: write it as in `corp.example`"),
            }
        };
        Ok(Self(domains.into_iter().map(domain).collect::<Result<_>>()?))
    }

    /// Whether everyone is let in.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lets the person in, or not: with an address that is verified and in one of the domains.
    pub fn admit(&self, address: Option<&str>, verified: Verified) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let Some(address) = address else {
            return Err(Error::refused(
                "the provider gives no e-mail address, and `email_domains` asks for one: ask for the scope that brings it",
            ));
        };
        if verified != Verified::Yes {
            return Err(Error::refused(
                "the provider does not say that the e-mail address is verified, and `email_domains` takes no other",
            ));
        }
        match domain_of(address) {
            Some(domain) if self.0.contains(&domain) => Ok(()),
            Some(_) => Err(Error::refused("the e-mail address is in none of `email_domains`")),
            None => Err(Error::refused(
                "the e-mail address is not a plain one, so `email_domains` lets it not in",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestibule_abi::record::code;

    fn corp() -> EmailDomains {
        EmailDomains::new("email_domains", vec!["Corp.com".to_owned(), "bücher.example".to_owned()]).unwrap()
    }

    #[test]
    fn a_verified_address_of_the_domain_comes_in() {
        for address in ["ada@corp.com", "Ada.L+x%y@CORP.COM", "a@xn--bcher-kva.example"] {
            assert!(corp().admit(Some(address), Verified::Yes).is_ok(), "{address}");
        }
    }

    #[test]
    fn nothing_that_could_be_read_in_two_ways_comes_in() {
        for address in [
            "a@evil@corp.com",
            "a@evil.com,b@corp.com",
            "a@evil.com b@corp.com",
            "\"a@evil.com\"@corp.com",
            "a\u{ff20}corp.com",
            "a\u{ff20}evil.com@corp.com",
            "a@evil.com\u{ff20}corp.com",
            "a@\u{ff43}orp.com",
            "a@corp\u{3002}com",
            "a@bücher.example",
            "a@corp.com.",
            "a@corp.com\n",
            "a@corp.com\0.evil.com",
            "a@corp%2ecom",
            "a@evil.com%40corp.com",
            "<a@corp.com>",
            "a@[corp.com]",
            "a@sub.corp.com",
            "a@notcorp.com",
            "a@corp.com.evil.com",
            "@corp.com",
            "a@",
            "corp.com",
            "",
        ] {
            let error = corp().admit(Some(address), Verified::Yes).expect_err(address);
            assert_eq!(error.code(), code::REFUSED_BY_POLICY, "{address}");
            assert!(address.is_empty() || !error.message().contains(address), "{error}");
        }
    }

    #[test]
    fn only_a_verified_address_counts() {
        for verified in [Verified::No, Verified::Unknown] {
            assert!(corp().admit(Some("ada@corp.com"), verified).is_err());
        }
        assert!(corp().admit(None, Verified::Yes).is_err());
        assert!(EmailDomains::default().admit(None, Verified::No).is_ok());
    }

    #[test]
    fn what_is_no_domain_is_a_fault_of_the_settings() {
        for bad in [
            "",
            "@corp.com",
            "a@corp.com",
            "*.corp.com",
            "corp .com",
            "10.0.0.1",
            "[::1]",
            "corp.com.",
            "corp/com",
            "corp%2ecom",
        ] {
            let error = EmailDomains::new("email_domains", vec![bad.to_owned()]).expect_err(bad);
            assert_eq!(error.code(), code::BAD_SETTINGS, "{bad}");
            assert!(error.message().starts_with("`email_domains` holds"), "{error}");
        }
    }
}
