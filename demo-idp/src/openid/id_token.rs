//! ID tokens (OpenID Connect Core 1.0 §2), as drafts that faults can change before they are signed.

use std::sync::Arc;

use aws_lc_rs::digest::{self, digest};
use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value, json};

use super::keys::SigningKey;
use super::spoil::{self, claims::somebody_else, id_token::Scene};
use super::token::Redeemed;
use super::{Flavour, Place, jwt, weak_rsa};
use crate::fault::OpenIdFault;
use crate::lock::lock;
use crate::people::Person;
use crate::raw_object::RawObject;
use crate::state::State;

/// A token before it is signed.
pub(super) struct Draft {
    pub(super) header: RawObject,
    pub(super) claims: RawObject,
    /// In place of the claims.
    pub(super) payload: Option<Vec<u8>>,
    pub(super) key: Arc<SigningKey>,
    pub(super) signing: Signing,
}

/// What becomes the signature.
pub(super) enum Signing {
    /// The key's own algorithm.
    Own,
    Rs512,
    /// HMAC with SHA-256 and this secret.
    Hmac(Vec<u8>),
    /// The key of 512 bits.
    Weak,
    Flipped,
    Short,
    Nothing,
}

/// The token for a code that was redeemed.
pub(super) fn issue(
    flavour: &Flavour,
    state: &State,
    redeemed: &Redeemed,
    fault: Option<OpenIdFault>,
) -> String {
    let people = lock(&state.people).clone();
    let other = somebody_else(&people, &redeemed.person);
    let person = if fault == Some(OpenIdFault::IdTokenOtherUser) { other } else { &redeemed.person };
    if fault == Some(OpenIdFault::RotatedBefore) {
        lock(&state.ring).rotate(false);
    }
    let key = lock(&state.ring).signing();
    let mut draft = Draft::new(key, claims(flavour, state, redeemed, person));
    if let Some(fault) = fault {
        let scene = Scene { state, redeemed, other: &(flavour.subject)(other) };
        spoil::id_token::spoil(&mut draft, &scene, fault);
    }
    if fault == Some(OpenIdFault::RotatedAfter) {
        lock(&state.ring).rotate(false);
    }
    draft.compact()
}

impl Draft {
    pub(super) fn new(key: Arc<SigningKey>, claims: Map<String, Value>) -> Self {
        Self {
            header: RawObject::new(jwt::header(&key)),
            claims: RawObject::new(claims),
            payload: None,
            key,
            signing: Signing::Own,
        }
    }

    /// Another key signs, under its own name.
    pub(super) fn sign_with(&mut self, key: Arc<SigningKey>) {
        self.header = RawObject::new(jwt::header(&key));
        self.key = key;
    }

    /// The token.
    pub(super) fn compact(&self) -> String {
        let payload = self.payload.clone().unwrap_or_else(|| self.claims.bytes());
        let input = jwt::signing_input(&self.header.bytes(), &payload);
        jwt::joined(&input, &self.signature(input.as_bytes()))
    }

    fn signature(&self, input: &[u8]) -> Vec<u8> {
        match &self.signing {
            Signing::Own => self.key.sign(input),
            Signing::Rs512 => self.key.sign_rs512(input),
            Signing::Hmac(secret) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input).as_ref().to_vec()
            }
            Signing::Weak => weak_rsa::sign(input),
            Signing::Flipped => {
                let mut signature = self.key.sign(input);
                signature.iter_mut().take(1).for_each(|byte| *byte ^= 1);
                signature
            }
            Signing::Short => {
                let mut signature = self.key.sign(input);
                signature.pop();
                signature
            }
            Signing::Nothing => Vec::new(),
        }
    }
}

fn claims(flavour: &Flavour, state: &State, redeemed: &Redeemed, person: &Person) -> Map<String, Value> {
    let Redeemed { client, grant, access_token, now, .. } = redeemed;
    let mut claims = (flavour.claims)(state, person, &grant.scopes, Place::IdToken);
    let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    put("iss", json!(state.issuer));
    put("sub", json!((flavour.subject)(person)));
    put("aud", json!(client.id));
    put("exp", json!(now.saturating_add(flavour.id_token_life).as_secs()));
    put("iat", json!(now.as_secs()));
    put("auth_time", json!(grant.issued.as_secs()));
    if flavour.at_hash {
        put("azp", json!(client.id));
        put("at_hash", json!(half_hash(access_token)));
    }
    if let Some(nonce) = &grant.nonce {
        put("nonce", json!(nonce));
    }
    claims
}

/// The left half of the hash of the signature's algorithm, SHA-256 for RS256 and ES256 (Core 1.0 §3.1.3.6).
fn half_hash(token: &str) -> String {
    let whole = digest(&digest::SHA256, token.as_bytes());
    BASE64URL_NOPAD.encode(whole.as_ref().get(..16).unwrap_or_default())
}
