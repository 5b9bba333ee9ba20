//! PKCE (RFC 7636): always S256, never `plain`.

use data_encoding::BASE64URL_NOPAD;

use crate::random::sha256;

/// `code_challenge` of a verifier (RFC 7636 §4.2).
pub fn challenge(verifier: &str) -> String {
    BASE64URL_NOPAD.encode(&sha256(verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn agrees_with_the_example_of_rfc_7636_appendix_b() {
        assert_eq!(
            super::challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
