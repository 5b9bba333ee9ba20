//! Tokens and their hashes.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SecureRandom as _;
use data_encoding::BASE64URL_NOPAD;

/// 256 random bits, as base64url.
#[expect(clippy::disallowed_methods, reason = "the one place of this package that asks for randomness")]
#[expect(clippy::expect_used, reason = "without randomness no answer is safe")]
pub fn token() -> String {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::SystemRandom::new().fill(&mut bytes).expect("the operating system gives random bytes");
    BASE64URL_NOPAD.encode(&bytes)
}

/// What the database keeps of a token.
pub fn sha256(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    bytes
}

/// `code_challenge` of a verifier, method S256 (RFC 7636 §4.2).
pub(super) fn challenge(verifier: &str) -> String {
    BASE64URL_NOPAD.encode(&sha256(verifier))
}
