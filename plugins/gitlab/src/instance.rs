//! Where a GitLab instance has its endpoints: all below its base URL, as documented.

use vestibule_provider::openid::{self, Metadata};
use vestibule_provider::prelude::*;

/// An instance, by its base URL.
pub(crate) struct Instance {
    /// Without a final slash.
    base: String,
}

impl Instance {
    /// The instance at this address, which the operator wrote.
    pub(crate) fn at(base: &Url) -> Result<Self> {
        let base = openid::issuer_url("base_url", base.as_str())?;
        if base.path().contains([';', '%'])
            || base.path().contains("//")
            || base.host_str().is_some_and(|h| h.ends_with('.'))
        {
            return Err(Error::bad_settings(
                "`base_url` has a `;`, a `%`, a `//` or a final dot: leave it out",
            ));
        }
        if base.path().trim_end_matches('/').ends_with("/api/v4") {
            return Err(Error::bad_settings("`base_url` is the address of the API: leave `/api/v4` out"));
        }
        Ok(Self {
            base: format!("{}{}", base.origin().ascii_serialization(), base.path().trim_end_matches('/')),
        })
    }

    /// What GitLab calls itself in ID tokens, and in callbacks since doorkeeper-openid_connect announces it: its
    /// `external_url` without a final slash.
    pub(crate) fn issuer(&self) -> &str {
        &self.base
    }

    /// Authorization, token and user info endpoint.
    pub(crate) fn endpoints(&self) -> Result<Metadata> {
        Ok(Metadata::of_endpoints(
            self.url("/oauth/authorize")?,
            self.url("/oauth/token")?,
            Some(self.url("/oauth/userinfo")?),
        ))
    }

    /// The keys of ID tokens.
    pub(crate) fn keys(&self) -> Result<Url> {
        self.url("/oauth/discovery/keys")
    }

    /// The REST API, without a final slash.
    pub(crate) fn api(&self) -> String {
        format!("{}/api/v4", self.base)
    }

    fn url(&self, path: &str) -> Result<Url> {
        Ok(Url::parse(&format!("{}{path}", self.base))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(base: &str) -> Result<Instance> {
        Instance::at(&Url::parse(base).unwrap())
    }

    #[test]
    fn everything_is_below_the_base() {
        for (base, issuer) in [
            ("https://GitLab.com/", "https://gitlab.com"),
            ("https://git.example:8443", "https://git.example:8443"),
            ("https://git.example/gitlab/", "https://git.example/gitlab"),
            ("http://127.0.0.1:4000/gitlab", "http://127.0.0.1:4000/gitlab"),
        ] {
            let instance = at(base).unwrap();
            assert_eq!(instance.issuer(), issuer);
            assert_eq!(instance.api(), format!("{issuer}/api/v4"));
            assert_eq!(instance.keys().unwrap().as_str(), format!("{issuer}/oauth/discovery/keys"));
            let endpoints = instance.endpoints().unwrap();
            assert_eq!(endpoints.authorization_endpoint.as_str(), format!("{issuer}/oauth/authorize"));
            assert_eq!(endpoints.token_endpoint.as_str(), format!("{issuer}/oauth/token"));
            assert_eq!(endpoints.userinfo_endpoint.unwrap().as_str(), format!("{issuer}/oauth/userinfo"));
        }
    }

    #[test]
    fn refuses_what_is_no_instance() {
        for base in [
            "http://git.example",
            "ftp://git.example",
            "https://user@git.example",
            "https://git.example/?a",
            "https://git.example/#a",
            "https://git.example/a;b",
            "https://git.example/a%2fb",
            "https://git.example/a//b",
            "https://git.example./",
            "https://gitlab.com/api/v4",
            "https://gitlab.com/.well-known/openid-configuration",
            "data:text/plain,x",
        ] {
            let error = at(base).err().unwrap_or_else(|| panic!("{base} is taken for an instance"));
            assert!(error.message().starts_with("`base_url` "), "{base}: {error}");
        }
    }
}
