//! Metadata that comes out wrong.

use serde_json::{Map, Value, json};

use super::{OTHER_ISSUER, other_slash};
use crate::fault::OpenIdFault;
use crate::state::State;

const ENDPOINTS: [&str; 5] =
    ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "revocation_endpoint"];
const ALGORITHMS: &str = "id_token_signing_alg_values_supported";

/// Changes the metadata.
pub(in crate::openid) fn spoil(members: &mut Map<String, Value>, state: &State, fault: OpenIdFault) {
    let elsewhere = |url: &str| json!(url.replacen(&state.origin(), &state.other_origin, 1));
    match fault {
        OpenIdFault::MetadataWrongIssuer => put(members, "issuer", json!(OTHER_ISSUER)),
        OpenIdFault::MetadataIssuerSlash => put(members, "issuer", json!(other_slash(&state.issuer))),
        OpenIdFault::MetadataNoIssuer => drop(members.remove("issuer")),
        OpenIdFault::MetadataNoAuthorize => drop(members.remove("authorization_endpoint")),
        OpenIdFault::MetadataNoToken => drop(members.remove("token_endpoint")),
        OpenIdFault::MetadataNoJwks => drop(members.remove("jwks_uri")),
        OpenIdFault::MetadataNoUserinfo => drop(members.remove("userinfo_endpoint")),
        OpenIdFault::MetadataNoAlgorithms => drop(members.remove(ALGORITHMS)),
        OpenIdFault::MetadataOnlyNone => put(members, ALGORITHMS, json!(["none"])),
        OpenIdFault::MetadataOnlyHs256 => put(members, ALGORITHMS, json!(["HS256"])),
        OpenIdFault::MetadataNumbers => change(members, &ENDPOINTS, |_| json!(443)),
        OpenIdFault::MetadataNoUrls => change(members, &ENDPOINTS, |_| json!("no url")),
        OpenIdFault::MetadataPlainHttp => change(members, &ENDPOINTS, |url| {
            json!(url.replacen(&state.origin(), "http://issuer.example", 1))
        }),
        OpenIdFault::MetadataElsewhere => change(members, &ENDPOINTS, elsewhere),
        OpenIdFault::MetadataTokenElsewhere => change(members, &["token_endpoint"], elsewhere),
        OpenIdFault::MetadataJwksElsewhere => change(members, &["jwks_uri"], elsewhere),
        OpenIdFault::MetadataPrivateAddress => change(members, &["token_endpoint", "jwks_uri"], |_| {
            json!("http://169.254.169.254/latest/meta-data/")
        }),
        OpenIdFault::MetadataCredentials => {
            change(members, &ENDPOINTS, |url| json!(url.replacen("http://", "http://user:password@", 1)))
        }
        _ => {}
    }
}

fn put(members: &mut Map<String, Value>, name: &str, value: Value) {
    members.insert(name.to_owned(), value);
}

fn change(members: &mut Map<String, Value>, names: &[&str], to: impl Fn(&str) -> Value) {
    for name in names {
        if let Some(value) = members.get_mut(*name) {
            *value = to(value.as_str().unwrap_or_default());
        }
    }
}
