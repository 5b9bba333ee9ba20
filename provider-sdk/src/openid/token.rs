//! What a token endpoint answers (RFC 6749 §5), taken as strictly as the standard and no more.

use data_encoding::BASE64;
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded::byte_serialize;
use vestibule_abi::Sensitive;

use crate::{Error, Response, Result, TokenSet};

/// The longest token, in bytes: more is neither verified by the host nor sent in a header.
const MAX_TOKEN: usize = 64 * 1024;

/// `Basic` credentials of a client: id and secret are form-encoded first (RFC 6749 §2.3.1).
pub(super) fn basic(id: &str, secret: &str) -> String {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", BASE64.encode(format!("{}:{}", encoded(id), encoded(secret)).as_bytes()))
}

/// Tokens, before they are looked at.
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    access_token: Sensitive,
    token_type: String,
    refresh_token: Option<Sensitive>,
    id_token: Option<Sensitive>,
    expires_in: Option<Value>,
    scope: Option<Value>,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    error: String,
}

impl TokenAnswer {
    /// The tokens, or the class of the error: by its name where there is one, also with the status 200, which some send;
    /// else by the status.
    pub(super) fn read(response: Response, known: impl FnOnce(&str) -> Option<Error>) -> Result<Self> {
        let response = match response.status() {
            429 | 500.. => response.success()?,
            _ => response,
        };
        if let Ok(ErrorAnswer { error }) = response.json() {
            return Err(known(&error).unwrap_or_else(|| Error::from_token_endpoint(&error)));
        }
        response.success_json()
    }

    pub(super) fn into_tokens(self) -> Result<TokenSet> {
        // OpenID Connect Core 1.0 §3.1.3.3. The token goes into a `Bearer` header, so it has to be one.
        if !self.token_type.eq_ignore_ascii_case("bearer") {
            return Err(Error::bad_answer("the token endpoint gave a token that is no `Bearer` token"));
        }
        // RFC 6749 appendix A.12. White space would end the header, a line break begin another one.
        let plain = |token: &Sensitive| {
            !token.expose().is_empty() && token.expose().bytes().all(|b| b.is_ascii_graphic())
        };
        if !plain(&self.access_token) {
            return Err(Error::bad_answer("the token endpoint gave an access token that is none"));
        }
        let texts = [Some(&self.access_token), self.refresh_token.as_ref(), self.id_token.as_ref()];
        if texts.into_iter().flatten().any(|token| token.expose().len() > MAX_TOKEN) {
            return Err(Error::bad_answer(format_args!(
                "the token endpoint gave a token of more than {} KiB",
                MAX_TOKEN / 1024
            )));
        }
        let mut tokens = TokenSet::new(self.access_token);
        tokens.token_type = Some(self.token_type);
        tokens.refresh_token = self.refresh_token;
        tokens.id_token = self.id_token.filter(|token| !token.expose().is_empty());
        tokens.expires_in_s = self.expires_in.as_ref().and_then(seconds);
        tokens.scope = self.scope.as_ref().and_then(scope);
        Ok(tokens)
    }
}

/// A number, or one that is written as text; everything else is as good as nothing.
fn seconds(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// A text, or a list of them, which some send.
fn scope(value: &Value) -> Option<String> {
    match value {
        Value::String(scope) => Some(scope.clone()),
        Value::Array(list) => Some(list.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?.join(" ")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestibule_abi::record::code;

    fn tokens(body: &str) -> Result<TokenSet> {
        TokenAnswer::read(Response::new(200).json_text(body), |_| None)?.into_tokens()
    }

    #[test]
    fn credentials_are_encoded_as_a_form_first() {
        // `a:b c` and `d%` would otherwise be another id and another secret.
        assert_eq!(basic("a:b c", "d%"), format!("Basic {}", BASE64.encode(b"a%3Ab+c:d%25")));
    }

    #[test]
    fn odd_spellings_that_are_in_use_are_read() {
        let tokens = tokens(
            r#"{"access_token":"at","token_type":"bearer","id_token":"a.b.c","expires_in":"3600","scope":["openid","email"],"new":{}}"#,
        )
        .unwrap();
        assert_eq!((tokens.expires_in_s, tokens.scope.as_deref()), (Some(3600), Some("openid email")));
        assert_eq!(tokens.id_token.unwrap().expose(), "a.b.c");
    }

    #[test]
    fn a_life_that_is_none_counts_as_unknown() {
        for life in ["-1", "1.5", "\"soon\"", "null", "[]"] {
            let body = format!(r#"{{"access_token":"at","token_type":"Bearer","expires_in":{life}}}"#);
            assert_eq!(tokens(&body).unwrap().expires_in_s, None, "{life}");
        }
        assert!(tokens(r#"{"access_token":"at","token_type":"Bearer","expires_in":1e400}"#).is_err());
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for body in [
            "",
            "[]",
            "{}",
            r#"{"access_token":"at"}"#,
            r#"{"access_token":"at","token_type":"mac"}"#,
            r#"{"access_token":"at","token_type":"N_A"}"#,
            r#"{"access_token":"","token_type":"Bearer"}"#,
            r#"{"access_token":null,"token_type":"Bearer"}"#,
            r#"{"access_token":"a\r\nx: y","token_type":"Bearer"}"#,
            r#"{"access_token":"a b","token_type":"Bearer"}"#,
            r#"{"access_token":"ü","token_type":"Bearer"}"#,
            r#"{"access_token":"at","access_token":"at","token_type":"Bearer"}"#,
        ] {
            let error = tokens(body).expect_err(body);
            assert_eq!(error.code(), code::BAD_ANSWER, "{body}");
        }
    }

    #[test]
    fn a_token_that_is_too_long_for_its_place_is_refused() {
        for name in ["access_token", "refresh_token", "id_token"] {
            let answer = |len: usize| {
                let mut body = serde_json::json!({ "access_token": "at", "token_type": "Bearer" });
                body[name] = "a".repeat(len).into();
                tokens(&body.to_string())
            };
            assert!(answer(MAX_TOKEN).is_ok(), "{name}");
            assert_eq!(answer(MAX_TOKEN + 1).unwrap_err().code(), code::BAD_ANSWER, "{name}");
        }
    }

    #[test]
    fn an_error_has_its_class_whatever_the_status() {
        for status in [200, 400, 401, 403] {
            let answer =
                Response::new(status).json_text(r#"{"error":"invalid_grant","error_description":"at-1"}"#);
            let error = TokenAnswer::read(answer, |_| None).err().unwrap();
            assert_eq!(error.code(), code::CODE_EXPIRED, "{status}");
            assert!(!error.message().contains("at-1"));
        }
        let known = |name: &str| (name == "invalid_grant").then(Error::denied);
        let answer = Response::new(400).json_text(r#"{"error":"invalid_grant"}"#);
        assert_eq!(TokenAnswer::read(answer, known).err().unwrap().code(), code::DENIED);
        for (status, class) in [(400, code::BAD_ANSWER), (302, code::BAD_ANSWER), (503, code::PROVIDER_DOWN)]
        {
            let answer = Response::new(status).body("<html>");
            assert_eq!(TokenAnswer::read(answer, |_| None).err().unwrap().code(), class, "{status}");
        }
        let limited = Response::new(429).header("retry-after", "9").json_text(r#"{"error":"slow_down"}"#);
        assert_eq!(TokenAnswer::read(limited, |_| None).err().unwrap().retry_after_s(), Some(9));
    }
}
