//! Who plays a provider in the demo: which of demo-idp's personalities fits a plugin, and which of the plugin's settings
//! hold its address and whom it lets in. Starts nothing.

use crate::error::{Error, Result};

/// A provider of the configuration that people can sign in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Provider {
    pub(super) name: String,
    pub(super) personality: &'static Personality,
}

/// What demo-idp does for one plugin.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Personality {
    /// The plugin, and demo-idp's `--as`.
    pub(super) plugin: &'static str,
    /// The setting that says where the provider is.
    pub(super) address_key: &'static str,
    /// The groups that the demo lets in there, in the setting `allowed_groups`; everybody where there are none.
    pub(super) allowed_groups: &'static [&'static str],
}

/// Of demo-idp's people, one who is in no group: turned away where only groups are let in.
pub(super) const OUTSIDER: &str = "noor";

const PERSONALITIES: &[Personality] = &[
    Personality { plugin: "github", address_key: "base_url", allowed_groups: &[] },
    Personality { plugin: "gitlab", address_key: "base_url", allowed_groups: &[] },
    Personality { plugin: "oidc", address_key: "issuer", allowed_groups: &["acme"] },
];

impl Personality {
    /// Who plays the providers of this plugin.
    pub(super) fn of(plugin: &str, provider: &str) -> Result<&'static Self> {
        let found = PERSONALITIES.iter().find(|personality| personality.plugin == plugin);
        found.ok_or_else(|| Error::NoLookalike {
            provider: provider.to_owned(),
            plugin: plugin.to_owned(),
            known: PERSONALITIES.iter().map(|personality| format!("`{}`", personality.plugin)).collect(),
        })
    }

    /// Somebody whom the demo turns away at this provider.
    pub(super) fn outsider(&self) -> Option<&'static str> {
        (!self.allowed_groups.is_empty()).then_some(OUTSIDER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_that_nobody_plays_is_named_with_those_that_are() {
        assert_eq!(Personality::of("oidc", "work").unwrap().address_key, "issuer");
        let refused = Personality::of("saml", "work").unwrap_err().to_string();
        assert!(refused.contains("`provider.work`") && refused.contains("`saml`"), "{refused}");
        assert!(refused.contains("`github`, `gitlab`, `oidc`"), "{refused}");
    }
}
