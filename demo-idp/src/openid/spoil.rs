//! Carries out the faults that only an OpenID provider can have, each at the place where it belongs. Must not know who
//! asks, nor what a relying party ought to do.

pub(super) mod callback;
pub(super) mod claims;
pub(super) mod id_token;
pub(super) mod keys;
pub(super) mod metadata;
pub(super) mod token;

/// Another issuer, which does not exist.
const OTHER_ISSUER: &str = "https://issuer.example";
/// Another client, which is not registered.
const OTHER_CLIENT: &str = "demo-client-2";

/// The issuer with one slash more at its end, or one less.
fn other_slash(issuer: &str) -> String {
    issuer.strip_suffix('/').map_or_else(|| format!("{issuer}/"), str::to_owned)
}
