//! ID tokens that come out wrong: whom they name, when they hold, what is in their header, who signs.

use serde_json::json;

use super::{OTHER_CLIENT, OTHER_ISSUER, claims, other_slash};
use crate::fault::OpenIdFault;
use crate::ledger::s256;
use crate::openid::id_token::{Draft, Signing};
use crate::openid::settings::Algorithm;
use crate::openid::token::Redeemed;
use crate::openid::{TRAP_CERTIFICATE, TRAP_KEYS, weak_rsa};
use crate::state::State;

const HOUR: u64 = 3600;
const YEAR: u64 = 365 * 24 * HOUR;

/// What a fault may use.
pub(in crate::openid) struct Scene<'a> {
    pub(in crate::openid) state: &'a State,
    pub(in crate::openid) redeemed: &'a Redeemed,
    /// Somebody else's subject.
    pub(in crate::openid) other: &'a str,
}

/// Changes the token before it is signed.
pub(in crate::openid) fn spoil(draft: &mut Draft, scene: &Scene<'_>, fault: OpenIdFault) {
    claims::spoil(&mut draft.claims, scene.other, fault);
    parties(draft, scene, fault);
    times(draft, scene.redeemed.now.as_secs(), fault);
    payload(draft, scene, fault);
    header(draft, scene, fault);
    algorithm(draft, scene, fault);
    signature(draft, scene, fault);
}

/// Who issued it, for whom, for which request (Core 1.0 §3.1.3.7, steps 2 to 5 and 11).
fn parties(draft: &mut Draft, scene: &Scene<'_>, fault: OpenIdFault) {
    let (issuer, client) = (scene.state.issuer.as_str(), scene.redeemed.client.id.as_str());
    let claims = &mut draft.claims;
    match fault {
        OpenIdFault::IssWrong => claims.set("iss", OTHER_ISSUER),
        OpenIdFault::IssMissing => claims.remove("iss"),
        OpenIdFault::IssSlash => claims.set("iss", other_slash(issuer)),
        OpenIdFault::IssList => claims.set("iss", json!([issuer])),
        OpenIdFault::AudWrong => claims.set("aud", OTHER_CLIENT),
        OpenIdFault::AudMissing => claims.remove("aud"),
        OpenIdFault::AudStrangerBeside => claims.set("aud", json!([client, OTHER_CLIENT])),
        OpenIdFault::AudListOfOne => claims.set("aud", json!([client])),
        OpenIdFault::AudEmptyList => claims.set("aud", json!([])),
        OpenIdFault::AudNumber => claims.set("aud", 1),
        OpenIdFault::AzpForeign => claims.set("azp", OTHER_CLIENT),
        OpenIdFault::NonceMissing => claims.remove("nonce"),
        OpenIdFault::NonceWrong => claims.set("nonce", "a-nonce-that-nobody-sent"),
        OpenIdFault::IdTokenOtherClient => {
            claims.set("aud", OTHER_CLIENT);
            claims.set("azp", OTHER_CLIENT);
            claims.set("nonce", "the-nonce-of-the-other-client");
        }
        OpenIdFault::IdTokenOtherIssuer => {
            claims.set("iss", OTHER_ISSUER);
            draft.sign_with(scene.state.stranger());
        }
        OpenIdFault::AccessTokenAsIdToken => {
            for name in ["nonce", "azp", "at_hash", "auth_time"] {
                claims.remove(name);
            }
            claims.set("client_id", client);
            claims.set("scope", scene.redeemed.grant.scopes.join(" "));
            claims.set("jti", s256(&scene.redeemed.access_token));
            draft.header.set("typ", "at+jwt");
        }
        _ => {}
    }
}

/// When it holds (steps 9 and 10).
fn times(draft: &mut Draft, now: u64, fault: OpenIdFault) {
    let claims = &mut draft.claims;
    match fault {
        OpenIdFault::Expired => {
            claims.set("iat", now.saturating_sub(2 * HOUR));
            claims.set("exp", now.saturating_sub(HOUR));
        }
        OpenIdFault::ExpMissing => claims.remove("exp"),
        OpenIdFault::ExpText => claims.set("exp", now.saturating_add(HOUR).to_string()),
        OpenIdFault::ExpOverflow => claims.set_raw("exp", "1e400"),
        OpenIdFault::NbfFuture => claims.set("nbf", now.saturating_add(HOUR)),
        OpenIdFault::IatMissing => claims.remove("iat"),
        OpenIdFault::IatFuture => {
            claims.set("iat", now.saturating_add(HOUR));
            claims.set("exp", now.saturating_add(2 * HOUR));
        }
        OpenIdFault::IatAncient => claims.set("iat", now.saturating_sub(YEAR)),
        OpenIdFault::AtHashWrong => claims.set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
        _ => {}
    }
}

fn payload(draft: &mut Draft, scene: &Scene<'_>, fault: OpenIdFault) {
    match fault {
        OpenIdFault::PayloadNotJson => draft.payload = Some(b"{\"iss\": ".to_vec()),
        OpenIdFault::PayloadList => {
            draft.payload = Some([b"[", draft.claims.bytes().as_slice(), b"]"].concat())
        }
        OpenIdFault::PayloadNotUtf8 => draft.claims.set_raw("nickname", b"\"No\xff\xfebody\"".to_vec()),
        OpenIdFault::PayloadDeep => {
            draft.claims.set_raw("deep", format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)));
        }
        OpenIdFault::PayloadDuplicateSub => {
            let first = format!("{{\"sub\":{},", json!(scene.other));
            let rest = draft.claims.bytes();
            draft.payload = Some([first.as_bytes(), rest.get(1..).unwrap_or_default()].concat());
        }
        _ => {}
    }
}

/// The header, whatever is in it being signed too (RFC 7515 §4.1).
fn header(draft: &mut Draft, scene: &Scene<'_>, fault: OpenIdFault) {
    let trap = |path: &str| format!("{}{path}", scene.state.base_url);
    match fault {
        OpenIdFault::KidUnknown => draft.header.set("kid", "a-kid-that-nobody-published"),
        OpenIdFault::KidRandom => draft.header.set("kid", s256(&scene.redeemed.access_token)),
        OpenIdFault::KidNumber => draft.header.set("kid", 1),
        OpenIdFault::KidMissing | OpenIdFault::KidMissingSeveral => draft.header.remove("kid"),
        OpenIdFault::HeaderCrit => {
            draft.header.set("crit", json!(["https://issuer.example/unheard-of"]));
            draft.header.set("https://issuer.example/unheard-of", true);
        }
        OpenIdFault::HeaderTyp => draft.header.set("typ", "at+jwt"),
        OpenIdFault::HeaderJkuBeside => draft.header.set("jku", trap(TRAP_KEYS)),
        OpenIdFault::HeaderJku => {
            draft.sign_with(scene.state.stranger());
            draft.header.set("jku", trap(TRAP_KEYS));
        }
        OpenIdFault::HeaderX5u => {
            draft.sign_with(scene.state.stranger());
            draft.header.set("x5u", trap(TRAP_CERTIFICATE));
        }
        OpenIdFault::HeaderJwk => {
            let stranger = scene.state.stranger();
            let jwk = stranger.jwk();
            draft.sign_with(stranger);
            draft.header.set("jwk", jwk);
        }
        _ => {}
    }
}

/// `alg`, and a signature that goes with it (RFC 7518 §3.1, RFC 8725 §2.1).
fn algorithm(draft: &mut Draft, scene: &Scene<'_>, fault: OpenIdFault) {
    let mut symmetric = |secret: Vec<u8>| {
        draft.header.set("alg", "HS256");
        draft.signing = Signing::Hmac(secret);
    };
    match fault {
        OpenIdFault::AlgHs256Pem => symmetric(draft.key.pem().into_bytes()),
        OpenIdFault::AlgHs256Jwk => symmetric(draft.key.jwk().to_string().into_bytes()),
        OpenIdFault::AlgHs256Secret => symmetric(scene.redeemed.client.secret.clone().into_bytes()),
        OpenIdFault::AlgNone | OpenIdFault::AlgNoneMixedCase => {
            let name = if fault == OpenIdFault::AlgNone { "none" } else { "nOnE" };
            draft.header.set("alg", name);
            draft.signing = Signing::Nothing;
        }
        OpenIdFault::AlgMissing => draft.header.remove("alg"),
        OpenIdFault::AlgUnlisted => {
            draft.sign_with(crate::lock::lock(&scene.state.ring).rsa());
            draft.header.set("alg", "RS512");
            draft.signing = Signing::Rs512;
        }
        OpenIdFault::AlgOtherFamily => {
            let other = match draft.key.algorithm {
                Algorithm::Rs256 => Algorithm::Es256,
                Algorithm::Es256 => Algorithm::Rs256,
            };
            draft.header.set("alg", other.name());
        }
        _ => {}
    }
}

/// The signature alone.
fn signature(draft: &mut Draft, scene: &Scene<'_>, fault: OpenIdFault) {
    match fault {
        OpenIdFault::SignatureFlipped => draft.signing = Signing::Flipped,
        OpenIdFault::SignatureMissing => draft.signing = Signing::Nothing,
        OpenIdFault::SignatureShort => draft.signing = Signing::Short,
        OpenIdFault::SignatureOfStranger => draft.key = scene.state.stranger(),
        OpenIdFault::Rsa512 => {
            draft.header.set("alg", "RS256");
            draft.header.set("kid", weak_rsa::KID);
            draft.signing = Signing::Weak;
        }
        _ => {}
    }
}
