//! Keys that sign ID tokens: made when first needed, once a process, and shared by every provider in it; and which of
//! them one provider has published. Knows no token.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{self, digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512,
    RsaEncoding,
};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde_json::{Value, json};

use super::settings::Algorithm;
use crate::lock::lock;

/// No provider rotates so often.
const STRANGER: usize = usize::MAX;

static POOL: Mutex<BTreeMap<(Algorithm, usize), Arc<SigningKey>>> = Mutex::new(BTreeMap::new());

/// One key pair.
pub(crate) struct SigningKey {
    pub(crate) algorithm: Algorithm,
    /// The thumbprint of the public key (RFC 7638), as GitLab names its keys.
    pub(crate) kid: String,
    pair: Pair,
}

enum Pair {
    Rsa(rsa::KeyPair),
    P256(EcdsaKeyPair),
}

impl SigningKey {
    /// The key with this number, the same for whoever asks in this process.
    ///
    /// # Panics
    /// Where the operating system gives no randomness.
    pub(crate) fn numbered(algorithm: Algorithm, number: usize) -> Arc<Self> {
        let mut pool = lock(&POOL);
        let key = pool.entry((algorithm, number)).or_insert_with(|| Arc::new(Self::generate(algorithm)));
        Arc::clone(key)
    }

    /// A key that no provider publishes.
    pub(crate) fn stranger(algorithm: Algorithm) -> Arc<Self> {
        Self::numbered(algorithm, STRANGER)
    }

    #[expect(clippy::expect_used, reason = "a provider that cannot make a key has nothing to serve")]
    fn generate(algorithm: Algorithm) -> Self {
        let pair = match algorithm {
            Algorithm::Rs256 => {
                rsa::KeyPair::generate(KeySize::Rsa2048).map(Pair::Rsa).expect("an RSA key can be made")
            }
            Algorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
                .map(Pair::P256)
                .expect("an EC key can be made"),
        };
        let kid = thumbprint(&public_members(&pair));
        Self { algorithm, kid, pair }
    }

    /// The public key (RFC 7517 §4, RFC 7518 §6).
    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = public_members(&self.pair);
        for (name, value) in [("use", "sig"), ("alg", self.algorithm.name()), ("kid", self.kid.as_str())] {
            jwk[name] = json!(value);
        }
        jwk
    }

    /// The public key as PEM (RFC 7468 §13).
    pub(crate) fn pem(&self) -> String {
        let der = match &self.pair {
            Pair::Rsa(pair) => AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()),
            Pair::P256(pair) => AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()),
        };
        let text = der.map(|der| BASE64.encode(der.as_ref())).unwrap_or_default();
        let lines: Vec<&str> =
            (0..text.len()).step_by(64).filter_map(|at| text.get(at..text.len().min(at + 64))).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    /// A signature by the key's own algorithm (RFC 7518 §3.3 and §3.4).
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => sign_rsa(pair, &RSA_PKCS1_SHA256, &digest::SHA256, message),
            Pair::P256(pair) => {
                let signature = pair.sign_digest(&digest(&digest::SHA256, message));
                signature.map(|signature| signature.as_ref().to_vec()).unwrap_or_default()
            }
        }
    }

    /// A signature by RS512, which no metadata lists; empty for a key that is not RSA.
    pub(crate) fn sign_rs512(&self, message: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => sign_rsa(pair, &RSA_PKCS1_SHA512, &digest::SHA512, message),
            Pair::P256(_) => Vec::new(),
        }
    }
}

fn sign_rsa(
    pair: &rsa::KeyPair,
    encoding: &'static dyn RsaEncoding,
    algorithm: &'static digest::Algorithm,
    message: &[u8],
) -> Vec<u8> {
    let mut signature = vec![0; pair.public_modulus_len()];
    let signed = pair.sign_digest(encoding, &digest(algorithm, message), &mut signature);
    debug_assert!(signed.is_ok(), "a key of 2048 bits can sign");
    signature
}

/// The members that a thumbprint is made of, sorted by name (RFC 7638 §3.2 and §3.3).
fn public_members(pair: &Pair) -> Value {
    match pair {
        Pair::Rsa(pair) => {
            let public = pair.public_key();
            json!({
                "e": BASE64URL_NOPAD.encode(public.exponent().big_endian_without_leading_zero()),
                "kty": "RSA",
                "n": BASE64URL_NOPAD.encode(public.modulus().big_endian_without_leading_zero()),
            })
        }
        Pair::P256(pair) => {
            // 4, then two coordinates of 32 bytes (SEC 1 §2.3.3).
            let (x, y) = pair.public_key().as_ref().split_at(1).1.split_at(32);
            json!({ "crv": "P-256", "kty": "EC", "x": BASE64URL_NOPAD.encode(x), "y": BASE64URL_NOPAD.encode(y) })
        }
    }
}

/// Text without blanks, in this order whether or not `serde_json` sorts: that depends on who else is built.
fn thumbprint(members: &Value) -> String {
    BASE64URL_NOPAD.encode(digest(&digest::SHA256, members.to_string().as_bytes()).as_ref())
}

/// The keys of one provider.
pub(crate) struct KeyRing {
    algorithms: Vec<Algorithm>,
    current: usize,
    /// Numbers of older keys that are still published.
    kept: Vec<usize>,
}

impl KeyRing {
    pub(crate) fn new(algorithms: Vec<Algorithm>) -> Self {
        Self { algorithms, current: 0, kept: Vec::new() }
    }

    /// The key that signs.
    pub(crate) fn signing(&self) -> Arc<SigningKey> {
        SigningKey::numbered(self.algorithm(), self.current)
    }

    /// The algorithm of the key that signs.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithms.first().copied().unwrap_or(Algorithm::Rs256)
    }

    /// What the JWKS lists: one key for each algorithm, older ones last.
    pub(crate) fn published(&self) -> Vec<Arc<SigningKey>> {
        let numbers = [self.current].into_iter().chain(self.kept.iter().rev().copied());
        let keys =
            numbers.flat_map(|number| self.algorithms.iter().map(move |algorithm| (*algorithm, number)));
        keys.map(|(algorithm, number)| SigningKey::numbered(algorithm, number)).collect()
    }

    /// A key of the signing algorithm that is not published.
    pub(crate) fn stranger(&self) -> Arc<SigningKey> {
        SigningKey::stranger(self.algorithm())
    }

    /// The RSA key of now, whether or not it is published.
    pub(crate) fn rsa(&self) -> Arc<SigningKey> {
        SigningKey::numbered(Algorithm::Rs256, self.current)
    }

    /// New keys from now on; the old ones stay published, or are gone.
    pub(crate) fn rotate(&mut self, keep: bool) {
        if keep {
            self.kept.push(self.current);
        } else {
            self.kept.clear();
        }
        self.current += 1;
    }
}
