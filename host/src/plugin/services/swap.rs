//! Puts secrets in the place of their handles, in the one moment between a plugin's request and the network.
//!
//! Only where a secret may stand: `Basic` credentials, other headers' values, values of the query, of a form and of JSON.
//! A handle anywhere else, or in another spelling, ends the operation.

use data_encoding::BASE64;
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::secrets::{Entry, Vault, leak};
use crate::plugin::error::{OperationError, OperationErrorKind};

/// A request that is about to be sent.
pub(super) struct Outgoing {
    pub(super) method: String,
    pub(super) url: Url,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// Swaps all handles of a request for their secrets, each only where it is bound to.
pub(super) fn swap(vault: &Vault, request: &mut Outgoing) -> Result<(), OperationError> {
    let mut swapping = Swapping { vault, used: vec![false; vault.entries().len()] };
    vault.keep_out_of("a request's method", request.method.as_bytes())?;
    swapping.url(&mut request.url)?;
    for (name, value) in &mut request.headers {
        vault.keep_out_of("the name of a request's header", name.as_bytes())?;
        swapping.header(name, value)?;
    }
    let content_type = request
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map(|(_, value)| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
        .unwrap_or_default();
    swapping.body(&content_type, &mut request.body)?;
    for (entry, used) in vault.entries().iter().zip(&swapping.used) {
        if *used && !entry.may_go_to(&request.url) {
            let message = format!(
                "the secret `{}` is not bound to {}, nor to that path there",
                entry.key,
                request.url.origin().ascii_serialization()
            );
            return Err(OperationError::new(OperationErrorKind::SecretLeak, message));
        }
    }
    Ok(())
}

struct Swapping<'a> {
    vault: &'a Vault,
    used: Vec<bool>,
}

impl Swapping<'_> {
    /// The text with secrets in the place of handles, each spelled as `spell` says; `None` where there is no handle. What
    /// is left besides them must hold no handle in another spelling.
    fn text(
        &mut self,
        place: &str,
        text: &str,
        spell: impl Fn(&str) -> String,
    ) -> Result<Option<String>, OperationError> {
        let (mut swapped, mut besides) = (text.to_owned(), text.to_owned());
        let mut any = false;
        for (n, entry) in self.vault.entries().iter().enumerate() {
            if besides.contains(&entry.handle) {
                swapped = swapped.replace(&entry.handle, &spell(entry.secret()));
                besides = besides.replace(&entry.handle, "\n");
                (self.used[n], any) = (true, true);
            }
        }
        self.vault.keep_out_of(place, besides.as_bytes())?;
        Ok(any.then_some(swapped))
    }

    fn url(&mut self, url: &mut Url) -> Result<(), OperationError> {
        let mut bare = url.clone();
        bare.set_query(None);
        self.vault.keep_out_of("a request's URL outside of the query", bare.as_str().as_bytes())?;
        if let Some(query) = url.query()
            && let Some(query) = self.form("a request's query", query)?
        {
            url.set_query(Some(&query));
        }
        Ok(())
    }

    /// Pairs without a handle stay as they are, to the byte: a provider may have signed them.
    fn form(&mut self, place: &str, form: &str) -> Result<Option<String>, OperationError> {
        let mut any = false;
        let mut pairs = Vec::new();
        for pair in form.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.vault.keep_out_of(&format!("the name of a value in {place}"), name.as_bytes())?;
            let decoded = match form_urlencoded::parse(format!("={value}").as_bytes()).next() {
                Some((_, decoded)) => decoded.into_owned(),
                None => String::new(),
            };
            match self.text(place, &decoded, str::to_owned)? {
                Some(swapped) => {
                    any = true;
                    let swapped: String = form_urlencoded::byte_serialize(swapped.as_bytes()).collect();
                    pairs.push(format!("{name}={swapped}"));
                }
                None => pairs.push(pair.to_owned()),
            }
        }
        Ok(any.then(|| pairs.join("&")))
    }

    fn header(&mut self, name: &str, value: &mut String) -> Result<(), OperationError> {
        let basic = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
        if let Some((scheme, credentials)) = basic
            && let Ok(decoded) = BASE64.decode(credentials.trim().as_bytes())
            && let Ok(decoded) = String::from_utf8(decoded)
        {
            // RFC 6749 §2.3.1: client id and secret are form-encoded before they become Basic credentials.
            let spell = |secret: &str| form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            if let Some(swapped) = self.text("a request's Basic credentials", &decoded, spell)? {
                *value = format!("{scheme} {}", BASE64.encode(swapped.as_bytes()));
            }
            return Ok(());
        }
        let place = format!("the request header `{}`", crate::plugin::error::one_line(name));
        if let Some(swapped) = self.text(&place, value, str::to_owned)? {
            *value = swapped;
        }
        Ok(())
    }

    fn body(&mut self, content_type: &str, body: &mut Vec<u8>) -> Result<(), OperationError> {
        const PLACE: &str = "a request's body";
        let Ok(text) = std::str::from_utf8(body) else { return self.vault.keep_out_of(PLACE, body) };
        let swapped = match content_type {
            "application/x-www-form-urlencoded" => self.form(PLACE, text)?,
            json if json == "application/json" || json.ends_with("+json") => self.json(PLACE, text)?,
            _ => {
                self.vault.keep_out_of(PLACE, body)?;
                None
            }
        };
        if let Some(swapped) = swapped {
            *body = swapped.into_bytes();
        }
        Ok(())
    }

    /// A handle needs no escape in JSON, so it is replaced in the text, which keeps every other byte; the parser only says
    /// whether each stands in a string value.
    fn json(&mut self, place: &str, text: &str) -> Result<Option<String>, OperationError> {
        let Some(key) = self.vault.handle_in(text.as_bytes()) else { return Ok(None) };
        let Ok(value) = serde_json::from_str::<Value>(text) else { return Err(leak(key, place)) };
        for entry in self.vault.entries() {
            if text.matches(&entry.handle).count() != in_values(&value, entry) {
                return Err(leak(&entry.key, place));
            }
        }
        self.text(place, text, |secret| {
            let quoted = Value::from(secret).to_string();
            quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
        })
    }
}

/// How often a handle stands in string values; in names it counts as nothing.
fn in_values(value: &Value, entry: &Entry) -> usize {
    match value {
        Value::String(text) => text.matches(&entry.handle).count(),
        Value::Array(items) => items.iter().map(|v| in_values(v, entry)).sum(),
        Value::Object(members) => members.values().map(|v| in_values(v, entry)).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use secrecy::SecretString;

    use super::super::secrets::Target;
    use super::*;
    use crate::random::SystemRandom;

    const SECRET: &str = "hunter2 & \"more\"/é+%";

    fn vault() -> (Vault, String) {
        let secrets = BTreeMap::from([("client_secret".to_owned(), SecretString::from(SECRET))]);
        let vault = Vault::new(secrets, &SystemRandom).unwrap();
        let target = Target { origin: "https://idp.example".to_owned(), path_prefix: "/token".to_owned() };
        vault.bind(&BTreeMap::from([("client_secret".to_owned(), vec![target])]));
        let handle = vault.handles().next().unwrap().1.to_owned();
        (vault, handle)
    }

    fn post(url: &str, headers: &[(&str, String)], body: &str) -> Outgoing {
        Outgoing {
            method: "POST".to_owned(),
            url: url.parse().unwrap(),
            headers: headers.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect(),
            body: body.as_bytes().to_vec(),
        }
    }

    const TOKEN: &str = "https://idp.example/token";
    const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

    fn typed(kind: &str) -> [(&str, String); 1] {
        [("Content-Type", kind.to_owned())]
    }

    #[test]
    fn form_values_are_swapped_and_encoded_and_the_rest_stays_as_it_was() {
        let (vault, handle) = vault();
        let mut request = post(TOKEN, &typed(FORM), &format!("a=%7e+x&client_secret={handle}&b"));
        swap(&vault, &mut request).unwrap();
        let body = String::from_utf8(request.body).unwrap();
        assert!(body.starts_with("a=%7e+x&client_secret=") && body.ends_with("&b"), "{body}");
        let values: BTreeMap<_, _> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        assert_eq!(values["client_secret"], SECRET);
    }

    #[test]
    fn a_percent_encoded_form_value_is_the_handle_all_the_same() {
        let (vault, handle) = vault();
        let mut request = post(TOKEN, &typed(FORM), &format!("client_secret={}", handle.replace('_', "%5f")));
        swap(&vault, &mut request).unwrap();
        let values: BTreeMap<_, _> = form_urlencoded::parse(&request.body).into_owned().collect();
        assert_eq!(values["client_secret"], SECRET);
    }

    #[test]
    fn json_string_values_are_swapped_and_every_other_byte_stays() {
        let (vault, handle) = vault();
        let body = format!(r#"{{ "z":1.50, "a": ["x{handle}"], "é":"\u00e9" }}"#);
        let mut request = post(TOKEN, &typed("application/json"), &body);
        swap(&vault, &mut request).unwrap();
        let swapped = String::from_utf8(request.body).unwrap();
        assert!(swapped.starts_with(r#"{ "z":1.50, "a": ["x"#), "{swapped}");
        assert!(swapped.ends_with(r#""], "é":"\u00e9" }"#), "{swapped}");
        let value: Value = serde_json::from_str(&swapped).unwrap();
        assert_eq!(value["a"][0], format!("x{SECRET}"));
    }

    #[test]
    fn basic_credentials_are_decoded_swapped_and_encoded() {
        let (vault, handle) = vault();
        let credentials = BASE64.encode(format!("client:{handle}").as_bytes());
        let mut request = post(TOKEN, &[("authorization", format!("Basic {credentials}"))], "");
        swap(&vault, &mut request).unwrap();
        let sent = BASE64.decode(request.headers[0].1.strip_prefix("Basic ").unwrap().as_bytes()).unwrap();
        let sent = String::from_utf8(sent).unwrap();
        let secret = sent.strip_prefix("client:").unwrap();
        let decoded = form_urlencoded::parse(format!("={secret}").as_bytes()).next().unwrap().1.into_owned();
        assert_eq!(decoded, SECRET);
    }

    #[test]
    fn other_headers_and_the_query_are_swapped() {
        let (vault, handle) = vault();
        let mut request = post(
            &format!("{TOKEN}?k=v%2F&key={handle}"),
            &[("authorization", format!("Bearer {handle}"))],
            "",
        );
        swap(&vault, &mut request).unwrap();
        assert_eq!(request.headers[0].1, format!("Bearer {SECRET}"));
        assert!(request.url.query().unwrap().starts_with("k=v%2F&key="));
        assert_eq!(request.url.query_pairs().nth(1).unwrap().1, SECRET);
    }

    #[test]
    fn a_handle_where_no_secret_may_stand_ends_the_operation() {
        let (vault, handle) = vault();
        let encoded = BASE64.encode(format!("x{handle}").as_bytes());
        let escaped: String = handle.bytes().map(|b| format!("\\u{b:04x}")).collect();
        let bad = [
            post(&format!("https://idp.example/{handle}"), &[], ""),
            post(&format!("https://{handle}@idp.example/token"), &[], ""),
            post(&format!("{TOKEN}#{handle}"), &[], ""),
            post(&format!("{TOKEN}?{handle}=1"), &[], ""),
            post(&format!("{TOKEN}?a={encoded}"), &[], ""),
            post(TOKEN, &[(&handle, "x".to_owned())], ""),
            post(TOKEN, &[("x-key", encoded.clone())], ""),
            post(TOKEN, &[("authorization", format!("Basic {}", BASE64.encode(encoded.as_bytes())))], ""),
            post(TOKEN, &[], &handle),
            post(TOKEN, &typed("text/plain"), &handle),
            post(TOKEN, &typed(FORM), &format!("{handle}=1")),
            post(TOKEN, &typed(FORM), &format!("a={encoded}")),
            post(TOKEN, &typed("application/json"), &format!(r#"{{"{handle}":1}}"#)),
            post(TOKEN, &typed("application/json"), &format!(r#"{{"a":"{handle}","a":"b"}}"#)),
            post(TOKEN, &typed("application/json"), &format!(r#"{{"a":"{escaped}"}}"#)),
            post(TOKEN, &typed("application/json"), &format!(r#"{{"a":"{encoded}"}}"#)),
            post(TOKEN, &typed("application/json"), &format!(r#"{{"a":"{handle}""#)),
            post("https://idp.example/other", &typed(FORM), &format!("a={handle}")),
            post("https://other.example/token", &typed(FORM), &format!("a={handle}")),
        ];
        for (n, mut request) in bad.into_iter().enumerate() {
            let error = swap(&vault, &mut request).expect_err(&n.to_string());
            assert_eq!(error.kind, OperationErrorKind::SecretLeak, "{n}");
            assert!(error.message.contains("`client_secret`"), "{n}: {}", error.message);
            assert!(!error.message.contains(&handle) && !error.message.contains("hunter2"), "{n}");
        }
    }

    #[test]
    fn a_request_without_handles_is_left_alone() {
        let (vault, _) = vault();
        let body = r#"{"a":"vsec_","b":"%zz"}"#;
        let mut request = post("https://other.example/x?a=%7e", &typed("application/json"), body);
        swap(&vault, &mut request).unwrap();
        assert_eq!(request.url.as_str(), "https://other.example/x?a=%7e");
        assert_eq!(request.body, body.as_bytes());
    }
}
