//! The operator's secret: it reaches the provider where it is bound to, and nobody and nothing else, by no way.

use data_encoding::{BASE64, BASE64URL_NOPAD};
use url::form_urlencoded;
use vestibule::plugin::{CreateError, OperationErrorKind as Kind};

use super::idp::{Idp, Reply, answer, ok};
use super::rig::{Rig, SECRET, begin, complete, log, on_each_transport, send};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const JSON: &str = "Content-Type: application/json";

#[test]
fn the_secret_arrives_where_it_is_bound_to_in_each_place() {
    on_each_transport(async |transport| {
        let idp = Idp::saying("{}").await;
        let provider = Rig::new(transport, &idp.url).ready().await;
        let token = idp.at("/token");
        let post = async |headers: &str, body: &str| {
            let params = [("url", &*token), ("method", "POST"), ("headers", headers), ("body", body)];
            send(&provider, &params).await.unwrap();
            idp.requests().pop().unwrap()
        };
        let form = post(FORM, "grant_type=a&client_secret={secret}").await;
        let pairs: Vec<_> = form_urlencoded::parse(&form.body).into_owned().collect();
        assert_eq!(pairs[1].1, SECRET);
        let json = post(JSON, r#"{"client_secret":"{secret}"}"#).await;
        let json: serde_json::Value = serde_json::from_slice(&json.body).unwrap();
        assert_eq!(json["client_secret"], SECRET);
        let basic = post("Authorization: Basic {basic}", "").await;
        let basic = basic.header("authorization").unwrap().strip_prefix("Basic ").unwrap().to_owned();
        let basic = String::from_utf8(BASE64.decode(basic.as_bytes()).unwrap()).unwrap();
        let encoded: String = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
        assert_eq!(basic, format!("client:{encoded}"));
        let header = post("X-Api-Key: {secret}", "").await;
        assert_eq!(header.header("x-api-key"), Some(SECRET));
        let url = format!("{token}?key={{secret}}");
        send(&provider, &[("url", &url)]).await.unwrap();
        let line = idp.requests().pop().unwrap();
        let query = line.path().split_once('?').unwrap().1.to_owned();
        assert_eq!(form_urlencoded::parse(query.as_bytes()).next().unwrap().1, SECRET);
        send(&provider, &[("url", &idp.at("/bound/below/it?key={secret}"))]).await.unwrap();
    });
}

#[test]
fn the_secret_goes_nowhere_else() {
    on_each_transport(async |transport| {
        let idp = Idp::saying("{}").await;
        let provider = Rig::new(transport, &idp.url).ready().await;
        let token = idp.at("/token");
        for (url, headers, body) in [
            (&*idp.at("/other"), FORM, "a={secret}"),
            (&*idp.at("/token/below"), FORM, "a={secret}"),
            (&*idp.at("/bound/../other"), FORM, "a={secret}"),
            (&*idp.at("/bound/..%2fother"), FORM, "a={secret}"),
            (&*idp.at("/bound/..;/other"), FORM, "a={secret}"),
            (&token, FORM, "a=x{secret}"),
            (&token, FORM, "a={secret}x"),
            (&token, JSON, r#"{"a":"x{secret}"}"#),
            (&token, "X-Key: x{secret}", ""),
            (&token, FORM, "a={secret}&b={secret}"),
            (
                &token,
                "Content-Type: application/x-www-form-urlencoded|content-type: text/plain",
                "a={secret}",
            ),
            (&*idp.at("/bound?a={secret}"), "", ""),
            ("https://evil.example/token", FORM, "a={secret}"),
            ("https://evil.example/?a={secret}", "", ""),
            ("https://{secret}.evil.example/", "", ""),
            ("no url but {secret}", "", ""),
            (&*idp.at("/{secret}"), "", ""),
            (&*idp.at("/token?{secret}=a"), "", ""),
            (&*idp.at("/token#{secret}"), "", ""),
            (&token, "", "{secret}"),
            (&token, "Content-Type: text/plain", "{secret}"),
            (&token, FORM, "{secret}=a"),
            (&token, FORM, "a={base64}"),
            (&token, JSON, r#"{"{secret}":1}"#),
            (&token, JSON, r#"{"a":"{base64}"}"#),
            (&token, JSON, r#"{"a":"{secret}""#),
            (&token, "{secret}: a", ""),
            (&token, "X-Key: {base64}", ""),
        ] {
            let params = [("url", url), ("method", "POST"), ("headers", headers), ("body", body)];
            let error = send(&provider, &params).await.unwrap_err();
            assert_eq!(error.kind, Kind::SecretLeak, "{url} {headers} {body}: {error}");
            assert!(error.message.contains("`client_secret`"), "{error}");
            assert!(!error.message.contains("vsec_") && !error.message.contains("canary"), "{error}");
        }
        let params = [("url", &*token), ("method", "{secret}")];
        assert!(send(&provider, &params).await.is_err());
        assert!(idp.requests().is_empty(), "nothing was sent: {:?}", idp.requests());
    });
}

#[test]
fn a_handle_in_anything_that_leaves_the_plugin_fails_the_operation() {
    on_each_transport(async |transport| {
        let idp = Idp::saying("{}").await;
        let provider = Rig::new(transport, &idp.url).ready().await;
        let before = log().len();
        for behaviour in [
            "handle_in_url",
            "handle_in_url_base64",
            "handle_in_url_percent",
            "handle_in_fragment",
            "handle_in_post",
            "handle_in_carry",
            "handle_in_carry_base64",
            "handle_in_error",
            "handle_in_error_percent",
            "handle_in_log",
        ] {
            let error = begin(&provider, behaviour).await.unwrap_err();
            assert_eq!(error.kind, Kind::SecretLeak, "{behaviour}: {error}");
            assert!(!error.message.contains("vsec_") && !error.message.contains("%76"), "{error}");
        }
        for behaviour in [
            "handle_in_account",
            "handle_in_login",
            "handle_in_login_base64",
            "handle_in_login_percent",
            "handle_in_login_json",
            "handle_in_tokens",
            "handle_in_error",
            "handle_in_log",
        ] {
            let error = complete(&provider, behaviour).await.unwrap_err();
            assert_eq!(error.kind, Kind::SecretLeak, "{behaviour}: {error}");
        }
        assert!(!log()[before..].contains("vsec_"));
    });
}

#[test]
fn a_handle_in_what_is_said_while_being_made_fails_that() {
    on_each_transport(async |transport| {
        for behaviour in ["configure:handle_in_error", "inspect_handle"] {
            let rig = Rig::new(transport, "https://idp.example").setting("behaviour", behaviour);
            let error = rig.create().await.unwrap_err();
            let CreateError::Plugin { error, .. } = error else { panic!("{behaviour}: {error}") };
            assert_eq!(error.kind, Kind::SecretLeak, "{behaviour}: {error}");
        }
    });
}

fn json_escaped(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect()
}

fn percent(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02x}")).collect()
}

/// The secret in each spelling, in the body or a header: the operation ends, and the plugin never sees the answer.
#[test]
fn an_echo_of_the_secret_ends_the_operation() {
    on_each_transport(async |transport| {
        let form: String = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
        let spelled = [
            SECRET.to_owned(),
            form.clone(),
            percent(SECRET),
            serde_json::to_string(SECRET).unwrap(),
            json_escaped(SECRET),
            BASE64.encode(SECRET.as_bytes()),
            BASE64.encode(format!("x{SECRET}").as_bytes()),
            BASE64.encode(format!("xy{SECRET}z").as_bytes()),
            BASE64URL_NOPAD.encode(format!("client:{SECRET}").as_bytes()),
            percent(&BASE64.encode(SECRET.as_bytes())),
            // The host's own Basic header, sent back.
            BASE64.encode(format!("client:{form}").as_bytes()),
            SECRET.replace('&', "&amp;").replace('"', "&quot;"),
        ];
        for echo in spelled {
            let text = echo.clone();
            let idp = Idp::start(move |request| match request.path() {
                "/token" => {
                    Reply::Bytes(ok("application/json", format!("{{\"error\":\"{text}\"}}").as_bytes()))
                }
                _ => Reply::Bytes(answer(&format!("400 Bad\r\nX-Echo: {text}"), b"")),
            });
            let idp = idp.await;
            let provider = Rig::new(transport, &idp.url).ready().await;
            for path in ["/token", "/bound/header"] {
                let params = [
                    ("url", &*idp.at(path)),
                    ("method", "POST"),
                    ("headers", FORM),
                    ("body", "client_secret={secret}"),
                ];
                let error = send(&provider, &params).await.unwrap_err();
                assert_eq!(error.kind, Kind::SecretLeak, "{echo} at {path}: {error}");
                let told =
                    format!("{} sent the secret `client_secret` back; the answer was thrown away", idp.url);
                assert_eq!(error.message, told);
            }
        }
    });
}

/// In an encoding that the host cannot read, or in pieces, an echo would not be found.
#[test]
fn an_answer_that_cannot_be_searched_is_not_handed_on() {
    on_each_transport(async |transport| {
        for head in [
            "200 OK\r\nContent-Encoding: br",
            "200 OK\r\nContent-Encoding: gzip, gzip",
            "200 OK\r\nContent-Encoding: x-rot13",
            "206 Partial Content\r\nContent-Range: bytes 0-1/20",
        ] {
            let idp = Idp::start(move |_| Reply::Bytes(answer(head, b"{}"))).await;
            let provider = Rig::new(transport, &idp.url).ready().await;
            let error = send(&provider, &[("url", &idp.at("/token?key={secret}"))]).await.unwrap_err();
            assert_eq!(error.kind, Kind::BadAnswer, "{head}: {error}");
            assert!(error.message.contains("which was not asked for"), "{head}: {error}");
        }
        let idp = Idp::start(|_| Reply::Bytes(answer("200 OK\r\nContent-Encoding: Identity", b"{}"))).await;
        let provider = Rig::new(transport, &idp.url).ready().await;
        assert!(send(&provider, &[("url", &idp.at("/token?key={secret}"))]).await.is_ok());
    });
}

#[test]
fn an_echo_deep_in_a_large_answer_is_found() {
    on_each_transport(async |transport| {
        let idp = Idp::start(|_| {
            let filler = "lorem \\\" ipsum %20 dolor + ".repeat(20_000);
            let body = format!("{{\"a\":\"{filler}{}\"}}", BASE64.encode(format!("x{SECRET}").as_bytes()));
            Reply::Bytes(ok("application/json", body.as_bytes()))
        });
        let idp = idp.await;
        let provider = Rig::new(transport, &idp.url).ready().await;
        let error = send(&provider, &[("url", &idp.at("/token?key={secret}"))]).await.unwrap_err();
        assert_eq!(error.kind, Kind::SecretLeak, "{error}");
    });
}

/// Whatever the plugin was told in a whole sign-in, the secret was not in it, nor in anything that was logged. That the
/// search would find it is seen by a planted one.
#[test]
fn the_secret_is_in_no_log_line_and_nothing_that_a_plugin_is_told() {
    on_each_transport(async |transport| {
        let idp = Idp::saying("{\"access_token\":\"t\"}").await;
        let provider = Rig::new(transport, &idp.url).ready().await;
        let before = log().len();
        let params = [
            ("url", &*idp.at("/token")),
            ("method", "POST"),
            ("headers", FORM),
            ("body", "client_secret={secret}"),
        ];
        let completed = send(&provider, &params).await.unwrap();
        assert!(idp.requests()[0].body_text().contains("canary-secret"), "it was sent");
        let told = format!("{completed:?} {provider:?}");
        let logged = log()[before..].to_owned();
        assert!(logged.contains("request answered"), "what is logged is seen: {logged}");
        for text in [&logged, &told] {
            assert!(!text.contains("canary-secret"), "{text}");
        }
        tracing::info!("planted: {SECRET}");
        assert!(log()[before..].contains("canary-secret"));
    });
}

#[test]
fn a_secret_on_the_wrong_side_or_too_short_is_refused_by_its_key() {
    on_each_transport(async |transport| {
        let rig = || Rig::new(transport, "https://idp.example");
        let text = rig().setting("client_secret", "inline-canary").create().await.unwrap_err().to_string();
        assert_eq!(
            text,
            "setting `client_secret`: it is a secret: write `client_secret_file` or `client_secret_env`"
        );
        let mut short = rig();
        short.secrets.insert("client_secret".to_owned(), "hunter2".into());
        let text = short.create().await.unwrap_err().to_string();
        assert!(text.starts_with("setting `client_secret`: the secret has 7 bytes"), "{text}");
        let mut unknown = rig();
        unknown.secrets.insert("idp".to_owned(), "long-enough".into());
        let text = unknown.create().await.unwrap_err().to_string();
        assert!(text.starts_with("setting `idp`: it is no secret"), "{text}");
    });
}
