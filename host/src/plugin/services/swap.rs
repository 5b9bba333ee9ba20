//! Puts secrets in the place of their handles, in the one moment between a plugin's request and the network.
//!
//! Only where a secret may stand, and only alone: a whole value of the query, of a form or of JSON, a whole header or all
//! of it behind the scheme, one side of `Basic` credentials. A handle inside a longer value would be worth a try: with
//! one character more before it each time, an endpoint that cuts what it echoes would give the secret away piece by
//! piece. A handle anywhere else, twice, or in another spelling, ends the operation.

use data_encoding::BASE64;
use serde_json::Value;
use url::{Url, form_urlencoded};
use vestibule_abi::message::MAX_ATTACHMENT;

use super::secrets::{Entry, Vault, leak};
use crate::plugin::error::{OperationError, OperationErrorKind, one_line};
use crate::plugin::places::Places;

/// The longest body with a secret in it, in bytes: what a plugin may send without one.
const MAX_BODY: usize = MAX_ATTACHMENT;

/// A request that is about to be sent.
pub(super) struct Outgoing {
    pub(super) method: String,
    pub(super) url: Url,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Outgoing {
    /// How many bytes there are to be searched.
    pub(super) fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.url.as_str().len() + headers + self.body.len()
    }
}

/// Swaps all handles of a request for their secrets, each only where it is bound to.
pub(super) fn swap(vault: &Vault, places: &Places, request: &mut Outgoing) -> Result<(), OperationError> {
    let mut swapping = Swapping { vault, used: vec![false; vault.entries().len()] };
    vault.keep_out_of("a request's method", request.method.as_bytes())?;
    swapping.url(&mut request.url)?;
    for (name, value) in &mut request.headers {
        vault.keep_out_of("the name of a request's header", name.as_bytes())?;
        swapping.header(name, value)?;
    }
    swapping.body(&content_type(&request.headers), &mut request.body)?;
    for (entry, used) in vault.entries().iter().zip(&swapping.used) {
        if *used && !places.take_secret(&entry.key, &request.url) {
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

/// In lower case, without parameters. Empty where there are two: which of them the endpoint reads nobody knows.
fn content_type(headers: &[(String, String)]) -> String {
    let mut values = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    match (values.next(), values.next()) {
        (Some((_, value)), None) => value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase(),
        _ => String::new(),
    }
}

struct Swapping<'a> {
    vault: &'a Vault,
    used: Vec<bool>,
}

impl<'a> Swapping<'a> {
    /// The secret whose handle this text is, from its first to its last character. Each is there for one place in a
    /// request (RFC 6749 §2.3: no more than one way to authenticate).
    fn whole(&mut self, text: &str) -> Result<Option<&'a str>, OperationError> {
        let Some(n) = self.vault.entries().iter().position(|entry| entry.handle == text) else {
            return Ok(None);
        };
        let entry = &self.vault.entries()[n];
        if std::mem::replace(&mut self.used[n], true) {
            let message = format!("the handle of the secret `{}` stands twice in a request", entry.key);
            return Err(OperationError::new(OperationErrorKind::SecretLeak, message));
        }
        Ok(Some(entry.secret()))
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

    /// Pairs without a handle stay as they are, to the byte: a provider may have signed them. `None` where none has one.
    fn form(&mut self, place: &str, form: &str) -> Result<Option<String>, OperationError> {
        if self.vault.handle_in(form.as_bytes()).is_none() {
            return Ok(None);
        }
        let (mut swapped, mut besides) =
            (String::with_capacity(form.len()), String::with_capacity(form.len()));
        for (n, pair) in form.split('&').enumerate() {
            if n > 0 {
                swapped.push('&');
                besides.push('&');
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match self.whole(&form_decoded(value))? {
                Some(secret) => {
                    swapped.push_str(name);
                    swapped.push('=');
                    swapped.extend(form_urlencoded::byte_serialize(secret.as_bytes()));
                    besides.push_str(name);
                }
                None => {
                    swapped.push_str(pair);
                    besides.push_str(pair);
                }
            }
        }
        self.vault.keep_out_of(place, besides.as_bytes())?;
        Ok(Some(swapped))
    }

    fn header(&mut self, name: &str, value: &mut String) -> Result<(), OperationError> {
        const BASIC: &str = "a request's Basic credentials";
        let parts = value.split_once(' ').filter(|(scheme, _)| is_token(scheme));
        if let Some((scheme, credentials)) = parts
            && scheme.eq_ignore_ascii_case("basic")
            && let Ok(decoded) = BASE64.decode(credentials.trim().as_bytes())
            && let Ok(decoded) = String::from_utf8(decoded)
        {
            if self.vault.handle_in(decoded.as_bytes()).is_none() {
                return Ok(());
            }
            let (user, password) = match decoded.split_once(':') {
                Some((user, password)) => (user, Some(password)),
                None => (decoded.as_str(), None),
            };
            let mut swapped = self.credential(BASIC, user)?;
            if let Some(password) = password {
                swapped.push(':');
                swapped.push_str(&self.credential(BASIC, password)?);
            }
            *value = format!("{scheme} {}", BASE64.encode(swapped.as_bytes()));
            return Ok(());
        }
        if let Some(secret) = self.whole(value)? {
            *value = secret.to_owned();
        } else if let Some((scheme, handle)) = parts
            && let Some(secret) = self.whole(handle)?
        {
            let swapped = format!("{scheme} {secret}");
            self.vault.keep_out_of("the scheme of a request's header", scheme.as_bytes())?;
            *value = swapped;
        } else if let Some(key) = self.vault.handle_in(value.as_bytes()) {
            return Err(leak(key, &format!("the request header `{}`, not as all of it", one_line(name))));
        }
        Ok(())
    }

    /// One side of `Basic` credentials. RFC 6749 §2.3.1: id and secret are form-encoded before they become credentials.
    fn credential(&mut self, place: &str, side: &str) -> Result<String, OperationError> {
        match self.whole(side)? {
            Some(secret) => Ok(form_urlencoded::byte_serialize(secret.as_bytes()).collect()),
            None => self.vault.keep_out_of(place, side.as_bytes()).map(|()| side.to_owned()),
        }
    }

    fn body(&mut self, content_type: &str, body: &mut Vec<u8>) -> Result<(), OperationError> {
        const PLACE: &str = "a request's body, where it is no whole value";
        // Most bodies have none, and are neither parsed nor copied.
        let Some(key) = self.vault.handle_in(body) else { return Ok(()) };
        let Ok(text) = std::str::from_utf8(body) else { return Err(leak(key, PLACE)) };
        let swapped = match content_type {
            "application/x-www-form-urlencoded" => self.form(PLACE, text)?,
            json if json == "application/json" || json.ends_with("+json") => Some(self.json(PLACE, text)?),
            _ => return Err(leak(key, PLACE)),
        };
        if let Some(swapped) = swapped {
            *body = swapped.into_bytes();
        }
        if body.len() > MAX_BODY {
            let message = format!("a request's body has more than {MAX_BODY} bytes with its secrets");
            return Err(OperationError::new(OperationErrorKind::Forbidden, message));
        }
        Ok(())
    }

    /// A handle needs no escape in JSON, so it is replaced in the text, which keeps every other byte; the parser only says
    /// whether it is a whole string. It is there once in both, or it is refused: so the one is the other, but for a
    /// string in another spelling, which is found in what is left.
    fn json(&mut self, place: &str, text: &str) -> Result<String, OperationError> {
        let value = serde_json::from_str::<Value>(text).unwrap_or_default();
        let (mut swapped, mut besides) = (text.to_owned(), text.to_owned());
        for entry in self.vault.entries() {
            let once = match text.matches(&entry.handle).take(2).count() {
                0 => continue,
                1 => whole_strings(&value, entry) == 1,
                _ => false,
            };
            let secret = if once { self.whole(&entry.handle)? } else { None };
            let Some(secret) = secret else { return Err(leak(&entry.key, place)) };
            let handle = format!("\"{}\"", entry.handle);
            swapped = swapped.replacen(&handle, &Value::from(secret).to_string(), 1);
            besides = besides.replacen(&handle, "\"\"", 1);
        }
        self.vault.keep_out_of(place, besides.as_bytes())?;
        Ok(swapped)
    }
}

fn form_decoded(value: &str) -> String {
    let decoded = form_urlencoded::parse(value.as_bytes()).next().map(|(name, _)| name.into_owned());
    decoded.unwrap_or_default()
}

/// `token` of RFC 9110 §5.6.2, which an authentication scheme is.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// How many string values are the handle and nothing else; names do not count.
fn whole_strings(value: &Value, entry: &Entry) -> usize {
    match value {
        Value::String(text) => usize::from(*text == entry.handle),
        Value::Array(items) => items.iter().map(|v| whole_strings(v, entry)).sum(),
        Value::Object(members) => members.values().map(|v| whole_strings(v, entry)).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use secrecy::SecretString;

    use super::super::secrets::Target;
    use super::*;
    use crate::random::SystemRandom;

    const SECRET: &str = "hunter2 & \"more\"/é+%";

    fn vault() -> (Vault, String) {
        let secrets = BTreeMap::from([("client_secret".to_owned(), SecretString::from(SECRET))]);
        let vault = Vault::new(secrets, &SystemRandom).unwrap();
        let handle = vault.handles().next().unwrap().1.to_owned();
        (vault, handle)
    }

    /// The secret is bound to `/token`.
    fn swapped(vault: &Vault, request: &mut Outgoing) -> Result<(), OperationError> {
        let (origin, path_prefix) = ("https://idp.example".to_owned(), "/token".to_owned());
        let target = Target { origin, path_prefix, exact: false };
        let secrets = BTreeMap::from([("client_secret".to_owned(), vec![target])]);
        swap(vault, &Places { secrets, ..Places::default() }, request)
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
        swapped(&vault, &mut request).unwrap();
        let body = String::from_utf8(request.body).unwrap();
        assert!(body.starts_with("a=%7e+x&client_secret=") && body.ends_with("&b"), "{body}");
        let values: BTreeMap<_, _> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        assert_eq!(values["client_secret"], SECRET);
    }

    #[test]
    fn a_percent_encoded_form_value_is_the_handle_all_the_same() {
        let (vault, handle) = vault();
        let mut request = post(TOKEN, &typed(FORM), &format!("client_secret={}", handle.replace('_', "%5f")));
        swapped(&vault, &mut request).unwrap();
        let values: BTreeMap<_, _> = form_urlencoded::parse(&request.body).into_owned().collect();
        assert_eq!(values["client_secret"], SECRET);
    }

    #[test]
    fn json_string_values_are_swapped_and_every_other_byte_stays() {
        let (vault, handle) = vault();
        let body = format!(r#"{{ "z":1.50, "a": ["x", "{handle}"], "é":"\u00e9" }}"#);
        let mut request = post(TOKEN, &typed("application/json"), &body);
        swapped(&vault, &mut request).unwrap();
        let swapped = String::from_utf8(request.body).unwrap();
        assert!(swapped.starts_with(r#"{ "z":1.50, "a": ["x", "hunter2"#), "{swapped}");
        assert!(swapped.ends_with(r#""], "é":"\u00e9" }"#), "{swapped}");
        let value: Value = serde_json::from_str(&swapped).unwrap();
        assert_eq!(value["a"][1], SECRET);
    }

    #[test]
    fn basic_credentials_are_decoded_swapped_and_encoded() {
        let (vault, handle) = vault();
        let credentials = BASE64.encode(format!("client:{handle}").as_bytes());
        let mut request = post(TOKEN, &[("authorization", format!("Basic {credentials}"))], "");
        swapped(&vault, &mut request).unwrap();
        let sent = BASE64.decode(request.headers[0].1.strip_prefix("Basic ").unwrap().as_bytes()).unwrap();
        let sent = String::from_utf8(sent).unwrap();
        let secret = sent.strip_prefix("client:").unwrap();
        let decoded = form_urlencoded::parse(format!("={secret}").as_bytes()).next().unwrap().1.into_owned();
        assert_eq!(decoded, SECRET);
    }

    #[test]
    fn other_headers_and_the_query_are_swapped() {
        let (vault, handle) = vault();
        let mut request = post(TOKEN, &[("authorization", format!("Bearer {handle}"))], "");
        swapped(&vault, &mut request).unwrap();
        assert_eq!(request.headers[0].1, format!("Bearer {SECRET}"));
        let mut request = post(TOKEN, &[("x-api-key", handle.clone())], "");
        swapped(&vault, &mut request).unwrap();
        assert_eq!(request.headers[0].1, SECRET);
        let mut request = post(&format!("{TOKEN}?k=v%2F&key={handle}"), &[], "");
        swapped(&vault, &mut request).unwrap();
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
            let error = swapped(&vault, &mut request).expect_err(&n.to_string());
            assert_eq!(error.kind, OperationErrorKind::SecretLeak, "{n}");
            assert!(error.message.contains("`client_secret`"), "{n}: {}", error.message);
            assert!(!error.message.contains(&handle) && !error.message.contains("hunter2"), "{n}");
        }
    }

    /// An endpoint that cuts what it echoes would else give the secret away one character at a time.
    #[test]
    fn a_handle_inside_a_longer_value_ends_the_operation() {
        let (vault, handle) = vault();
        let basic = |credentials: String| {
            post(TOKEN, &[("authorization", format!("Basic {}", BASE64.encode(credentials.as_bytes())))], "")
        };
        let header = |value: String| post(TOKEN, &[("x-key", value)], "");
        let json = |value: String| post(TOKEN, &typed("application/json"), &format!(r#"{{"a":"{value}"}}"#));
        for value in [format!("x{handle}"), format!("{handle}x"), format!("x {handle}"), format!("{handle}:")]
        {
            let (form, query) = (format!("a={value}"), value.replace(' ', "+"));
            for (place, mut request) in [
                ("form", post(TOKEN, &typed(FORM), &form)),
                ("query", post(&format!("{TOKEN}?a={query}"), &[], "")),
                ("json", json(value.clone())),
                ("header", header(format!("a {value}"))),
                ("header", header(format!("{value}, a"))),
                ("basic", basic(format!("a:b{value}"))),
                ("basic", basic(format!("b{value}b:c"))),
            ] {
                let error = swapped(&vault, &mut request).expect_err(&format!("{place} {value}"));
                assert_eq!(error.kind, OperationErrorKind::SecretLeak, "{place} {value}");
            }
        }
        for mut request in
            [header(format!("x{handle}")), header(format!("a\"b {handle}")), basic(format!("a:b:{handle}"))]
        {
            assert_eq!(swapped(&vault, &mut request).unwrap_err().kind, OperationErrorKind::SecretLeak);
        }
    }

    #[test]
    fn a_handle_stands_in_one_place_of_a_request() {
        let (vault, handle) = vault();
        let twice = r#"{"a":"HANDLE","b":"HANDLE"}"#.replace("HANDLE", &handle);
        let spelled =
            r#"{"a":"HANDLE","b":"\u0076REST"}"#.replace("HANDLE", &handle).replace("REST", &handle[1..]);
        let key = r#"{"HANDLE":1,"b":"\u0076REST"}"#.replace("HANDLE", &handle).replace("REST", &handle[1..]);
        let typed_twice = [("Content-Type", FORM.to_owned()), ("content-type", "text/plain".to_owned())];
        let basic = format!("Basic {}", BASE64.encode(format!("{handle}:{handle}").as_bytes()));
        for (n, mut request) in [
            post(TOKEN, &typed(FORM), &format!("a={handle}&b={handle}")),
            post(&format!("{TOKEN}?a={handle}"), &typed(FORM), &format!("a={handle}")),
            post(TOKEN, &[("authorization", basic)], ""),
            post(TOKEN, &typed("application/json"), &twice),
            post(TOKEN, &typed("application/json"), &spelled),
            post(TOKEN, &typed("application/json"), &key),
            post(TOKEN, &typed_twice, &format!("a={handle}")),
        ]
        .into_iter()
        .enumerate()
        {
            let error = swapped(&vault, &mut request).expect_err(&n.to_string());
            assert_eq!(error.kind, OperationErrorKind::SecretLeak, "{n}");
        }
    }

    #[test]
    fn a_body_stays_within_its_limit_with_the_secret_in_it() {
        let (vault, handle) = vault();
        let body = |filler: usize| format!("a={handle}&b={}", "x".repeat(filler));
        let mut request = post(TOKEN, &typed(FORM), &body(MAX_BODY - 100));
        swapped(&vault, &mut request).unwrap();
        let mut request = post(TOKEN, &typed(FORM), &body(MAX_BODY));
        assert_eq!(swapped(&vault, &mut request).unwrap_err().kind, OperationErrorKind::Forbidden);
    }

    proptest! {
        /// What an endpoint may send back is above all what it was sent.
        #[test]
        fn what_was_sent_is_found_in_an_echo(secret in "[ -~é€😀]{8,40}", before in "[a-z0-9]{1,9}") {
            let secrets = BTreeMap::from([("client_secret".to_owned(), SecretString::from(secret))]);
            let vault = Vault::new(secrets, &SystemRandom).unwrap();
            let handle = vault.handles().next().unwrap().1.to_owned();
            let basic = |text: String| [("authorization", format!("Basic {}", BASE64.encode(text.as_bytes())))];
            for mut request in [
                post(TOKEN, &typed(FORM), &format!("a={before}&b={handle}&c=d")),
                post(TOKEN, &typed("application/json"), &format!(r#"{{"a":"{before}","b":"{handle}"}}"#)),
                post(&format!("{TOKEN}?a={before}&b={handle}"), &[], ""),
                post(TOKEN, &basic(format!("{before}:{handle}")), ""),
                post(TOKEN, &basic(format!("{handle}:{before}")), ""),
                post(TOKEN, &[("authorization", format!("Bearer {handle}"))], ""),
                post(TOKEN, &[("x-key", handle.clone())], ""),
            ] {
                swapped(&vault, &mut request).unwrap();
                let mut sent = request.url.as_str().as_bytes().to_vec();
                for (name, value) in &request.headers {
                    sent.extend(format!("\n{name}: {value}").as_bytes());
                }
                sent.extend(&request.body);
                let echoed = String::from_utf8(sent.clone()).unwrap();
                prop_assert_eq!(vault.secret_in(&sent), Some("client_secret"), "{}", echoed);
                let quoted = Value::from(echoed.clone()).to_string();
                prop_assert_eq!(vault.secret_in(quoted.as_bytes()), Some("client_secret"), "{}", quoted);
                let encoded = BASE64.encode(&sent);
                prop_assert_eq!(vault.secret_in(encoded.as_bytes()).is_some(), !echoed.contains("Basic"), "{}", echoed);
            }
        }
    }

    #[test]
    fn a_request_without_handles_is_left_alone() {
        let (vault, _) = vault();
        let body = r#"{"a":"vsec_","b":"%zz"}"#;
        let mut request = post("https://other.example/x?a=%7e", &typed("application/json"), body);
        swapped(&vault, &mut request).unwrap();
        assert_eq!(request.url.as_str(), "https://other.example/x?a=%7e");
        assert_eq!(request.body, body.as_bytes());
    }
}
