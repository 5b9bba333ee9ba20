//! Randomness as an argument, so that a test can replay it. Everything unguessable comes from here.

use aws_lc_rs::rand::SecureRandom as _;

/// A source of unpredictable bytes.
pub trait Random: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's generator, by way of aws-lc.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks for randomness")]
    #[expect(
        clippy::expect_used,
        reason = "without randomness no answer is safe, so the request must not go on"
    )]
    fn fill(&self, buffer: &mut [u8]) {
        aws_lc_rs::rand::SystemRandom::new().fill(buffer).expect("the operating system gives random bytes");
    }
}

/// So many bytes of randomness.
pub fn bytes<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut buffer = [0; N];
    random.fill(&mut buffer);
    buffer
}

/// 256 random bits as 43 characters of base64url: session tokens, state, nonce, code verifier.
pub fn token(random: &dyn Random) -> String {
    data_encoding::BASE64URL_NOPAD.encode(&bytes::<32>(random))
}

/// An id for one request: 80 random bits as 16 lower-case characters of base32. It is in the log and on the error page.
pub fn request_id(random: &dyn Random) -> String {
    data_encoding::BASE32_NOPAD.encode(&bytes::<10>(random)).to_ascii_lowercase()
}

/// SHA-256: what the database keeps of a token.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, data);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.as_ref());
    bytes
}
