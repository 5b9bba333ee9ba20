//! Where a GitHub instance has its endpoints. Three kinds share everything else.

use vestibule_provider::prelude::*;

/// An instance, by its base URL.
pub(crate) struct Instance {
    base: Url,
    kind: Kind,
    api: String,
    authorize: String,
    token: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// github.com.
    Cloud,
    /// `SUBDOMAIN.ghe.com`, GitHub Enterprise Cloud with data residency.
    Residency,
    /// GitHub Enterprise Server, anywhere else.
    Server,
}

impl Instance {
    /// The instance at this address, which the operator wrote.
    pub(crate) fn at(base: &Url) -> Result<Self> {
        let fault = |why: &str| Err(Error::bad_settings(format_args!("`base_url` {why}")));
        let host = base.host_str().unwrap_or_default().to_owned();
        match base.scheme() {
            "https" if !host.is_empty() => {}
            // The test servers of a developer; the host opens plain http on loopback alone.
            "http" if is_loopback(base) => {}
            _ => return fault("must begin with `https://` and name a host"),
        }
        if !base.username().is_empty() || base.password().is_some() {
            return fault("holds a user or password: leave them out");
        }
        if base.query().is_some() || base.fragment().is_some() {
            return fault("holds a query or fragment: leave them out");
        }
        let host = host.trim_end_matches('.');
        let kind = match host.strip_suffix(".ghe.com") {
            Some(subdomain) if !subdomain.contains('.') => Kind::Residency,
            Some(_) => return fault("is no instance: write `https://SUBDOMAIN.ghe.com`"),
            None if host == "ghe.com" => {
                return fault("lacks the subdomain: write `https://SUBDOMAIN.ghe.com`");
            }
            None if host == "github.com" => Kind::Cloud,
            None if host.ends_with(".github.com") => {
                return fault("is no instance: write `https://github.com`");
            }
            None => Kind::Server,
        };
        if kind != Kind::Server && (base.path() != "/" || base.port().is_some() || base.scheme() != "https") {
            return fault("has a path or port, which this instance does not have: leave it out");
        }
        if base.path().contains([';', '%']) || base.host_str().is_some_and(|h| h.ends_with('.')) {
            return fault("has a `;`, a `%` or a final dot: leave it out");
        }
        let root = format!("{}{}", base.origin().ascii_serialization(), base.path().trim_end_matches('/'));
        Ok(Self {
            base: Url::parse(&root)?,
            kind,
            api: match kind {
                Kind::Cloud | Kind::Residency => format!("https://api.{host}"),
                Kind::Server => format!("{root}/api/v3"),
            },
            authorize: format!("{root}/login/oauth/authorize"),
            token: format!("{root}/login/oauth/access_token"),
        })
    }

    /// The base URL; account ids depend on it and on nothing else.
    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// The REST API, without a final slash.
    pub(crate) fn api(&self) -> &str {
        &self.api
    }

    pub(crate) fn authorize_url(&self) -> &str {
        &self.authorize
    }

    pub(crate) fn token_url(&self) -> &str {
        &self.token
    }

    /// What GitHub sends as `iss`, unannounced, when it does. Its discovery document is no guide: on Server and GHE.com
    /// it is documented as wrong.
    pub(crate) fn issuer(&self) -> &str {
        self.authorize.trim_end_matches("/authorize")
    }

    /// What the flag of a primary address that is `verified` is worth. A Server's administrator can switch
    /// verification off, and then every address bears the flag.
    pub(crate) fn email_verified(&self) -> Verified {
        match self.kind {
            Kind::Cloud | Kind::Residency => Verified::Yes,
            Kind::Server => Verified::Unknown,
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(base: &str) -> Result<Instance> {
        Instance::at(&Url::parse(base).unwrap())
    }

    #[test]
    fn each_kind_has_its_api() {
        for (base, api, issuer) in [
            ("https://GitHub.com/", "https://api.github.com", "https://github.com/login/oauth"),
            (
                "https://octocorp.ghe.com",
                "https://api.octocorp.ghe.com",
                "https://octocorp.ghe.com/login/oauth",
            ),
            (
                "https://git.example:8443",
                "https://git.example:8443/api/v3",
                "https://git.example:8443/login/oauth",
            ),
            (
                "https://git.example/hub/",
                "https://git.example/hub/api/v3",
                "https://git.example/hub/login/oauth",
            ),
            ("http://127.0.0.1:4000", "http://127.0.0.1:4000/api/v3", "http://127.0.0.1:4000/login/oauth"),
        ] {
            let instance = at(base).unwrap();
            assert_eq!(instance.api(), api, "{base}");
            assert_eq!(instance.issuer(), issuer, "{base}");
        }
    }

    #[test]
    fn refuses_what_is_no_instance() {
        for base in [
            "http://github.com",
            "http://git.example",
            "ftp://git.example",
            "https://user@git.example",
            "https://git.example/?a",
            "https://git.example/#a",
            "https://git.example/a;b",
            "https://git.example./",
            "https://api.github.com",
            "https://www.github.com",
            "https://github.com/octocat",
            "https://github.com:444",
            "https://github.com./",
            "https://ghe.com",
            "https://api.octocorp.ghe.com",
            "data:text/plain,x",
        ] {
            let error = at(base).err().unwrap_or_else(|| panic!("{base} is taken for an instance"));
            assert!(error.message().starts_with("`base_url` "), "{base}: {error}");
        }
    }

    #[test]
    fn only_the_cloud_vouches_for_an_address() {
        assert_eq!(at("https://github.com").unwrap().email_verified(), Verified::Yes);
        assert_eq!(at("https://octocorp.ghe.com").unwrap().email_verified(), Verified::Yes);
        assert_eq!(at("https://git.example").unwrap().email_verified(), Verified::Unknown);
        // Names that only look like GitHub's.
        assert_eq!(at("https://notgithub.com").unwrap().email_verified(), Verified::Unknown);
        assert_eq!(at("https://github.com.example").unwrap().email_verified(), Verified::Unknown);
    }
}
