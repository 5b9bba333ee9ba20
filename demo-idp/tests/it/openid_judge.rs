//! Judges ID tokens by the letter of OpenID Connect Core 1.0 §3.1.3.7, RFC 7515 and RFC 8725, and says why not. A test's
//! own reading of the specifications: it shares no code with the provider.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

use crate::openid_party::NONCE;
use crate::relying_party::CLIENT_ID;

/// What a judge goes by.
pub(crate) struct Judge<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) algorithms: &'a [Value],
    pub(crate) jwks: &'a [Value],
    pub(crate) access_token: &'a str,
    /// Since 1970.
    pub(crate) now: u64,
}

/// A compact JWS, taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) header: Value,
    pub(crate) claims: Value,
    pub(crate) input: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

impl Token {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('.').collect();
        let [header, claims, signature] = parts.as_slice() else {
            return Err(format!("{} parts", parts.len()));
        };
        let part =
            |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| "not base64url".to_owned());
        let payload = part(claims)?;
        let header = serde_json::from_slice(&part(header)?).map_err(|error| format!("header: {error}"))?;
        Ok(Self {
            header,
            claims: serde_json::from_slice(&payload).map_err(|error| format!("payload: {error}"))?,
            input: text.rsplit_once('.').unwrap().0.to_owned(),
            payload,
            signature: part(signature)?,
        })
    }

    /// The signature, by the public key of a JWK.
    pub(crate) fn verify_with(&self, jwk: &Value) -> Result<(), String> {
        let member = |name: &str| {
            let text = jwk[name].as_str().ok_or_else(|| format!("the key has no `{name}`"))?;
            BASE64URL_NOPAD
                .decode(text.as_bytes())
                .map_err(|_| format!("the key's `{name}` is not base64url"))
        };
        let (message, signature) = (self.input.as_bytes(), self.signature.as_slice());
        let verified = match (self.header["alg"].as_str(), jwk["kty"].as_str()) {
            (Some("RS256"), Some("RSA")) => {
                let key = RsaPublicKeyComponents { n: member("n")?, e: member("e")? };
                if key.n.len() < 256 {
                    return Err(format!("a key of {} bits", key.n.len() * 8));
                }
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            (Some("ES256"), Some("EC")) => {
                let point = [vec![4], member("x")?, member("y")?].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            (algorithm, kind) => return Err(format!("algorithm {algorithm:?} with a key of {kind:?}")),
        };
        verified.map_err(|_| "the signature is wrong".to_owned())
    }
}

impl Judge<'_> {
    /// Every step; the first that fails is named.
    pub(crate) fn judge(&self, text: &str) -> Result<Token, String> {
        let token = Token::read(text)?;
        self.header(&token.header)?;
        token.verify_with(self.key(&token.header)?)?;
        self.parties(&token.claims)?;
        self.times(&token.claims)?;
        self.person(&token)?;
        Ok(token)
    }

    fn header(&self, header: &Value) -> Result<(), String> {
        if !self.algorithms.contains(&header["alg"]) {
            return Err(format!("`alg` is {}", header["alg"]));
        }
        if header.get("crit").is_some() {
            return Err("`crit` names what nobody knows".to_owned());
        }
        if header["typ"] != "JWT" {
            return Err(format!("`typ` is {}", header["typ"]));
        }
        match ["jku", "jwk", "x5u", "x5c"].into_iter().find(|name| header.get(*name).is_some()) {
            Some(name) => Err(format!("`{name}` is in the header")),
            None => Ok(()),
        }
    }

    fn key(&self, header: &Value) -> Result<&Value, String> {
        let kind = if header["alg"] == "ES256" { "EC" } else { "RSA" };
        let fits = |key: &&Value| match header.get("kid") {
            Some(kid) => key["kid"] == *kid,
            None => key["kty"] == kind,
        };
        let fitting: Vec<&Value> = self.jwks.iter().filter(fits).collect();
        let [key] = fitting.as_slice() else { return Err(format!("{} keys fit", fitting.len())) };
        if key["use"] != "sig" || key["alg"] != header["alg"] {
            return Err(format!("the key is for `use` {} and `alg` {}", key["use"], key["alg"]));
        }
        Ok(key)
    }

    fn parties(&self, claims: &Value) -> Result<(), String> {
        let is = |name: &str, value: &str| {
            if claims[name] == value { Ok(()) } else { Err(format!("`{name}` is {}", claims[name])) }
        };
        is("iss", self.issuer)?;
        if claims["aud"] != serde_json::json!([CLIENT_ID]) {
            is("aud", CLIENT_ID)?;
        }
        if claims.get("azp").is_some() {
            is("azp", CLIENT_ID)?;
        }
        is("nonce", NONCE)
    }

    fn times(&self, claims: &Value) -> Result<(), String> {
        let number = |name: &str| claims[name].as_u64().ok_or(format!("`{name}` is {}", claims[name]));
        if number("exp")? <= self.now {
            return Err("`exp` is past".to_owned());
        }
        if claims.get("nbf").is_some() && number("nbf")? > self.now {
            return Err("`nbf` is to come".to_owned());
        }
        if self.now.abs_diff(number("iat")?) > 60 {
            return Err("`iat` is far off".to_owned());
        }
        Ok(())
    }

    fn person(&self, token: &Token) -> Result<(), String> {
        let claims = &token.claims;
        let half = &digest::digest(&digest::SHA256, self.access_token.as_bytes()).as_ref()[..16].to_vec();
        if claims.get("at_hash").is_some_and(|hash| *hash != BASE64URL_NOPAD.encode(half)) {
            return Err("`at_hash` is another token's".to_owned());
        }
        if String::from_utf8_lossy(&token.payload).matches("\"sub\":").count() > 1 {
            return Err("`sub` is there twice".to_owned());
        }
        judge_claims(claims)
    }
}

/// The claims about a person, in an ID token or from userinfo.
pub(crate) fn judge_claims(claims: &Value) -> Result<(), String> {
    let subject = claims["sub"].as_str().ok_or(format!("`sub` is {}", claims["sub"]))?;
    if !(1..=255).contains(&subject.len()) || subject.contains('\0') {
        return Err(format!("`sub` is {} bytes, or holds NUL", subject.len()));
    }
    if claims.get("deep").is_some() {
        return Err("a claim that nobody knows".to_owned());
    }
    let email = claims["email"].as_str().ok_or(format!("`email` is {}", claims["email"]))?;
    if email.matches('@').count() != 1 {
        return Err(format!("`email` is {email}"));
    }
    if !claims["email_verified"].is_boolean() {
        return Err(format!("`email_verified` is {}", claims["email_verified"]));
    }
    let groups = claims.get("groups").or(claims.get("groups_direct")).and_then(Value::as_array);
    match groups {
        Some(groups) if groups.iter().all(Value::is_string) => Ok(()),
        _ => Err("the groups are no list of text".to_owned()),
    }
}
