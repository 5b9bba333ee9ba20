//! An issuer's endpoints, from its metadata or from its documentation, and what it says that it can do.

use serde::Deserialize;
use url::Url;

use super::{ALGORITHMS, ClientAuth};
use crate::{Error, Result};

/// An issuer's metadata (OpenID Connect Discovery 1.0 §3), as far as a sign-in needs it. The host has checked that it is
/// the issuer's own.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Metadata {
    /// Where the browser is sent.
    pub authorization_endpoint: Url,
    /// Where the code is traded.
    pub token_endpoint: Url,
    /// Where more claims are. Not every issuer has one.
    #[serde(default)]
    pub userinfo_endpoint: Option<Url>,
    /// How a client may authenticate; without a word, `client_secret_basic`.
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// How ID tokens may be signed.
    #[serde(default)]
    pub id_token_signing_alg_values_supported: Option<Vec<String>>,
    /// Methods of PKCE (RFC 8414 §2). Many issuers that know S256 do not list it.
    #[serde(default)]
    pub code_challenge_methods_supported: Option<Vec<String>>,
}

impl Metadata {
    /// Endpoints that a provider documents, for one whose metadata is not asked for.
    pub fn of_endpoints(authorization: Url, token: Url, userinfo: Option<Url>) -> Self {
        Self {
            authorization_endpoint: authorization,
            token_endpoint: token,
            userinfo_endpoint: userinfo,
            token_endpoint_auth_methods_supported: None,
            id_token_signing_alg_values_supported: None,
            code_challenge_methods_supported: None,
        }
    }

    /// How to authenticate where nobody said: `client_secret_basic` if it is offered, or nothing is said
    /// (Discovery §3, `token_endpoint_auth_methods_supported`), else `client_secret_post`.
    pub(super) fn client_auth(&self) -> Result<ClientAuth> {
        let Some(offered) = &self.token_endpoint_auth_methods_supported else { return Ok(ClientAuth::Basic) };
        let offers = |name: &str| offered.iter().any(|o| o == name);
        if offers("client_secret_basic") {
            Ok(ClientAuth::Basic)
        } else if offers("client_secret_post") {
            Ok(ClientAuth::Post)
        } else {
            Err(Error::misconfigured(
                "the provider takes a client secret neither by `client_secret_basic` nor by `client_secret_post`, as its \
                 metadata says: register a client that may use one of them",
            ))
        }
    }

    /// The algorithms to accept where nobody said: what the issuer uses of [`ALGORITHMS`]. One that does not say which it
    /// uses has RS256, which every issuer must know (OpenID Connect Core 1.0 §15.1).
    pub(super) fn algorithms(&self) -> Result<Vec<String>> {
        let Some(used) = &self.id_token_signing_alg_values_supported else {
            return Ok(vec!["RS256".to_owned()]);
        };
        let known: Vec<String> = used.iter().filter(|a| ALGORITHMS.contains(&a.as_str())).cloned().collect();
        if known.is_empty() {
            return Err(Error::misconfigured(
                "the provider signs ID tokens with none of the algorithms that are safe, as its metadata says: have it \
                 use RS256 or ES256 for this client",
            ));
        }
        Ok(known)
    }

    /// Whether the issuer says which methods of PKCE it knows, and S256 is none of them.
    pub(super) fn lacks_s256(&self) -> bool {
        self.code_challenge_methods_supported.as_ref().is_some_and(|m| !m.iter().any(|m| m == "S256"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestibule_abi::record::code;

    fn metadata(more: &str) -> Metadata {
        let text = format!(
            r#"{{"issuer":"https://i.example","authorization_endpoint":"https://i.example/a","token_endpoint":"https://i.example/t"{more}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn authentication_follows_the_metadata_and_basic_is_its_silence() {
        for (more, auth) in [
            ("", ClientAuth::Basic),
            (
                r#","token_endpoint_auth_methods_supported":["client_secret_post","client_secret_basic"]"#,
                ClientAuth::Basic,
            ),
            (
                r#","token_endpoint_auth_methods_supported":["private_key_jwt","client_secret_post"]"#,
                ClientAuth::Post,
            ),
        ] {
            assert_eq!(metadata(more).client_auth().unwrap(), auth, "{more}");
        }
        let error = metadata(r#","token_endpoint_auth_methods_supported":["private_key_jwt"]"#).client_auth();
        assert_eq!(error.unwrap_err().code(), code::CLIENT_MISCONFIGURED);
    }

    #[test]
    fn algorithms_are_the_safe_ones_of_those_that_are_used() {
        let of = |list: &str| {
            metadata(&format!(r#","id_token_signing_alg_values_supported":{list}"#)).algorithms()
        };
        assert_eq!(of(r#"["none","HS256","ES256","RS256"]"#).unwrap(), ["ES256", "RS256"]);
        assert_eq!(metadata("").algorithms().unwrap(), ["RS256"]);
        for unsafe_ones in [r#"["none"]"#, r#"["HS256","HS512"]"#, "[]", r#"["rs256"]"#] {
            assert_eq!(of(unsafe_ones).unwrap_err().code(), code::CLIENT_MISCONFIGURED, "{unsafe_ones}");
        }
    }

    #[test]
    fn pkce_is_missed_only_where_its_methods_are_listed() {
        assert!(!metadata("").lacks_s256());
        assert!(!metadata(r#","code_challenge_methods_supported":["plain","S256"]"#).lacks_s256());
        assert!(metadata(r#","code_challenge_methods_supported":["plain"]"#).lacks_s256());
        assert!(metadata(r#","code_challenge_methods_supported":[]"#).lacks_s256());
    }
}
