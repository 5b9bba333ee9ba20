//! Every fault that shows in an answer or a callback, each at an endpoint where it can be set.

use data_encoding::BASE64;
use serde_json::Value;
use vestibule_demo_idp::{Endpoint, Fault, FaultError};

use crate::relying_party::{RelyingParty, json, param};

/// What `GET /user` answers under a fault: status, headers and raw body.
async fn user_under(fault: Fault) -> (u16, reqwest::header::HeaderMap, Vec<u8>) {
    let party = RelyingParty::start().await;
    let token = party.token_for("octavia", "").await;
    party.idp.set_fault(Endpoint::User, fault);
    let answer = party.api(&token, "/user").send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    (status, headers, answer.bytes().await.unwrap().to_vec())
}

async fn member(fault: Fault, name: &str) -> String {
    let (status, _, body) = user_under(fault).await;
    assert_eq!(status, 200);
    let text = String::from_utf8(body).unwrap();
    let (_, rest) = text.split_once(&format!("\"{name}\":")).unwrap_or_else(|| panic!("no {name} in {text}"));
    let end = rest.find([',', '}']).unwrap();
    rest[..end].to_owned()
}

#[tokio::test]
async fn spoils_the_id() {
    assert_eq!(member(Fault::FloatId, "id").await, "1.5");
    assert_eq!(member(Fault::TextId, "id").await, "\"583231\"");
    assert_eq!(member(Fault::NullId, "id").await, "null");
    assert_eq!(member(Fault::EmptyId, "id").await, "\"\"");
    assert_eq!(member(Fault::NegativeId, "id").await, "-1");
    assert_eq!(member(Fault::ExponentId, "id").await, "1e3");
    let big = member(Fault::BigId, "id").await;
    assert!(big.parse::<i64>().is_err() && big.parse::<u64>().is_ok());
    let (_, _, body) = user_under(Fault::MissingId).await;
    let account: Value = serde_json::from_slice(&body).unwrap();
    assert!(account.get("id").is_none() && account["login"] == "octavia");
}

#[tokio::test]
async fn spoils_names() {
    let (_, _, body) = user_under(Fault::NulInName).await;
    let account: Value = serde_json::from_slice(&body).unwrap();
    assert!(account["name"].as_str().unwrap().contains('\0'));

    let (_, _, body) = user_under(Fault::InvalidUtf8).await;
    assert!(String::from_utf8(body).is_err());

    let (_, _, body) = user_under(Fault::LoneSurrogate).await;
    assert!(String::from_utf8(body.clone()).unwrap().contains("\\ud800"));
    assert!(serde_json::from_slice::<Value>(&body).is_err());

    let (_, _, body) = user_under(Fault::HugeName).await;
    let account: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(account["name"].as_str().unwrap().len(), 1024 * 1024);

    let (_, _, body) = user_under(Fault::ControlLogin).await;
    let account: Value = serde_json::from_slice(&body).unwrap();
    let login = account["login"].as_str().unwrap();
    assert!(login.contains("\r\n") && login.contains("\u{1b}["));

    assert!(member(Fault::ScriptAvatar, "avatar_url").await.starts_with("\"javascript:"));
}

#[tokio::test]
async fn answers_with_something_else() {
    let (status, headers, body) = user_under(Fault::Html).await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "text/html; charset=utf-8"));
    assert!(body.starts_with(b"<!doctype html>"));

    let (status, _, body) = user_under(Fault::Empty).await;
    assert_eq!((status, body.len()), (204, 0));

    let (status, headers, _) = user_under(Fault::ServerError).await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (500, "text/html; charset=utf-8"));

    let (status, headers, _) = user_under(Fault::Redirect).await;
    assert_eq!(
        (status, headers["location"].to_str().unwrap()),
        (302, "http://169.254.169.254/latest/meta-data/")
    );

    let (status, headers, _) = user_under(Fault::RateLimited).await;
    assert_eq!((status, headers["retry-after"].to_str().unwrap()), (429, "60"));

    let (status, headers, _) = user_under(Fault::RateLimited403).await;
    assert_eq!((status, headers["x-ratelimit-remaining"].to_str().unwrap()), (403, "0"));
    assert!(headers["x-ratelimit-reset"].to_str().unwrap().parse::<u64>().unwrap() > 1_700_000_000);
    assert!(headers.get("retry-after").is_none());

    let (status, _, body) = user_under(Fault::ErrorIn200).await;
    let object: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &object["error"]), (200, &Value::from("server_error")));
    assert!(object.get("id").is_none());
}

#[tokio::test]
async fn answers_with_json_that_hurts() {
    let (_, _, body) = user_under(Fault::DeepJson).await;
    assert_eq!(body.iter().filter(|byte| **byte == b'[').count(), 100_000);
    assert_eq!(body.len(), 200_000);

    let (_, _, body) = user_under(Fault::BadJson).await;
    assert!(serde_json::from_slice::<Value>(&body).is_err());

    let (_, _, body) = user_under(Fault::Bom).await;
    let rest = body.strip_prefix(b"\xef\xbb\xbf").unwrap();
    assert_eq!(serde_json::from_slice::<Value>(rest).unwrap()["login"], "octavia");

    let (_, _, body) = user_under(Fault::DuplicateKeys).await;
    let text = String::from_utf8(body).unwrap();
    assert!(text.contains("\"id\":1,") && text.contains("\"id\":583231"), "{text}");
}

#[tokio::test]
async fn duplicates_the_key_that_matters_everywhere() {
    let party = RelyingParty::start().await;
    let token = party.token_for("octavia", "user:email read:org").await;
    party.idp.set_fault(Endpoint::All, Fault::DuplicateKeys);
    for (path, key) in [("/user/emails", "\"email\":"), ("/user/orgs", "\"login\":")] {
        let text = party.api(&token, path).send().await.unwrap().text().await.unwrap();
        let (first, _) = text.split_once('}').unwrap();
        assert_eq!(first.matches(key).count(), 2, "{first}");
    }
    let code = party.code_for("octavia").await;
    let text = party.token_request(&code, &[]).send().await.unwrap().text().await.unwrap();
    assert_eq!(text.matches("access_token=").count(), 2, "{text}");
}

async fn callback_under(fault: Fault) -> url::Url {
    let party = RelyingParty::start().await;
    party.idp.set_fault_times(Endpoint::Authorize, fault, 1);
    let url = party.authorize_url(&[]);
    // The page before the choice does not use the fault up.
    assert_eq!(party.http.get(&url).send().await.unwrap().status(), 200);
    let callback = party.choose(&url, "octavia").await;
    let again = party.choose(&url, "octavia").await;
    assert_eq!(param(&again, "state").as_deref(), Some("st-123"), "the fault was set for one choice");
    callback
}

#[tokio::test]
async fn spoils_the_callback() {
    let callback = callback_under(Fault::WrongState).await;
    assert!(!["st-123", ""].contains(&param(&callback, "state").unwrap().as_str()));
    assert_eq!(param(&callback_under(Fault::MissingState).await, "state"), None);
    let callback = callback_under(Fault::WrongIss).await;
    assert_eq!(param(&callback, "iss").as_deref(), Some("https://issuer.example/login/oauth"));
    assert_eq!(param(&callback_under(Fault::MissingIss).await, "iss"), None);
    let callback = callback_under(Fault::DuplicateParam).await;
    let codes: Vec<_> = callback.query_pairs().filter(|(name, _)| name == "code").collect();
    assert!(codes.len() == 2 && codes[0] != codes[1]);
    let callback = callback_under(Fault::MissingCode).await;
    assert!(param(&callback, "code").is_none() && param(&callback, "error").is_none());
    assert_eq!(param(&callback, "state").as_deref(), Some("st-123"));
}

async fn token_under(fault: Fault) -> (reqwest::header::HeaderMap, String) {
    let party = RelyingParty::start().await;
    let code = party.code_for("octavia").await;
    party.idp.set_fault(Endpoint::Token, fault);
    let request = party.token_request(&code, &[]).header("accept", "application/json");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    (answer.headers().clone(), answer.text().await.unwrap())
}

#[tokio::test]
async fn spoils_the_token() {
    let (_, text) = token_under(Fault::NoToken).await;
    let object: Value = serde_json::from_str(&text).unwrap();
    assert!(object.get("access_token").is_none() && object["token_type"] == "bearer");
    let (_, text) = token_under(Fault::NullToken).await;
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["access_token"], Value::Null);
    let (_, text) = token_under(Fault::TokenWithCrlf).await;
    let object: Value = serde_json::from_str(&text).unwrap();
    assert!(object["access_token"].as_str().unwrap().contains("\r\nX-Forged: yes"));
    assert!(token_under(Fault::ExpiresNegative).await.1.contains("\"expires_in\":-1,"));
    assert!(token_under(Fault::ExpiresOverflow).await.1.contains("\"expires_in\":1e400,"));
    assert!(token_under(Fault::ExpiresText).await.1.contains("\"expires_in\":\"3600\","));
}

#[tokio::test]
async fn echoes_the_secret_in_every_spelling() {
    let secret = RelyingParty::start().await.secret;
    let percent: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let unicode: String = secret.chars().map(|c| format!("\\u{:04x}", c as u32)).collect();
    let spellings = [
        (Fault::EchoSecret, secret.clone()),
        (Fault::EchoSecretPercent, percent),
        (Fault::EchoSecretBase64, BASE64.encode(secret.as_bytes())),
        (Fault::EchoSecretBasic, BASE64.encode(format!("demo-client-1:{secret}").as_bytes())),
        (Fault::EchoSecretJson, secret.replace('/', "\\/")),
        (Fault::EchoSecretUnicode, unicode),
    ];
    for (fault, spelling) in &spellings {
        let (_, text) = token_under(*fault).await;
        assert!(text.contains(spelling.as_str()), "{fault}: {text}");
        assert_eq!(spellings.iter().filter(|(_, other)| text.contains(other.as_str())).count(), 1, "{fault}");
        assert!(serde_json::from_str::<Value>(&text).unwrap()["access_token"].is_string());
        let (_, _, body) = user_under(*fault).await;
        assert!(String::from_utf8(body).unwrap().contains(spelling.as_str()), "{fault}");
    }
    let (headers, text) = token_under(Fault::EchoSecretHeader).await;
    assert_eq!(headers["x-debug"].to_str().unwrap(), secret);
    assert!(!text.contains(&secret));
}

#[tokio::test]
async fn names_a_next_page_elsewhere_or_without_end() {
    let party = RelyingParty::start().await;
    let token = party.token_for("octavia", "read:org user:email").await;
    let port = party.idp.base_url().rsplit(':').next().unwrap().to_owned();
    for path in ["/user/orgs", "/user/emails", "/user/teams"] {
        party.idp.set_fault(Endpoint::All, Fault::NextLinkElsewhere);
        let answer = party.api(&token, path).send().await.unwrap();
        let link = answer.headers()["link"].to_str().unwrap();
        assert!(link.starts_with(&format!("<http://localhost:{port}/api/v3{path}?")), "{link}");
        assert!(link.ends_with("rel=\"next\""));

        party.idp.set_fault(Endpoint::All, Fault::EndlessPages);
        let answer = party.api(&token, &format!("{path}?page=1000000")).send().await.unwrap();
        assert!(answer.headers()["link"].to_str().unwrap().contains("page=1000001>; rel=\"next\""));
        assert!(!json(answer).await.as_array().unwrap().is_empty());
    }
}

#[tokio::test]
async fn spares_the_first_requests_where_asked() {
    let party = RelyingParty::start().await;
    let token = party.token_for("octavia", "user:email").await;
    party.idp.set_fault_after(Endpoint::User, Fault::ServerError, 2);
    let status = async |path| party.api(&token, path).send().await.unwrap().status().as_u16();
    assert_eq!([status("/user").await, status("/user").await], [200, 200]);
    assert_eq!([status("/user").await, status("/user").await], [500, 500]);
}

#[tokio::test]
async fn spoils_only_as_many_requests_as_asked_and_only_that_endpoint() {
    let party = RelyingParty::start().await;
    let token = party.token_for("octavia", "user:email").await;
    party.idp.set_fault_times(Endpoint::User, Fault::ServerError, 2);
    let status = async |path| party.api(&token, path).send().await.unwrap().status().as_u16();
    assert_eq!(status("/user/emails").await, 200);
    assert_eq!([status("/user").await, status("/user").await, status("/user").await], [500, 500, 200]);
    party.idp.set_fault(Endpoint::All, Fault::ServerError);
    assert_eq!([status("/user/emails").await, status("/user").await], [500, 500]);
    party.idp.set_fault(Endpoint::User, Fault::Html);
    assert_eq!(
        [status("/user/emails").await, status("/user").await],
        [500, 200],
        "the endpoint's own fault wins"
    );
    party.idp.clear_faults();
    assert_eq!([status("/user/emails").await, status("/user").await], [200, 200]);
}

#[tokio::test]
#[should_panic(expected = "fault `float-id` does nothing at `token`; it applies to user")]
async fn refuses_a_fault_that_does_nothing_there() {
    RelyingParty::start().await.idp.set_fault(Endpoint::Token, Fault::FloatId);
}

#[test]
fn reads_every_name_that_it_prints() {
    for fault in Fault::ALL {
        assert_eq!(fault.to_string().parse::<Fault>().as_ref(), Ok(fault));
        assert!(!fault.endpoints().is_empty() && !fault.description().is_empty());
    }
    for endpoint in Endpoint::ALL {
        assert_eq!(endpoint.to_string().parse::<Endpoint>().as_ref(), Ok(endpoint));
    }
    assert_eq!(Fault::parse_setting("token=gzip-bomb"), Ok((Endpoint::Token, Fault::GzipBomb)));
    assert!(matches!(Fault::parse_setting("token"), Err(FaultError::Setting(_))));
    assert!(matches!(Fault::parse_setting("tokens=slow"), Err(FaultError::Endpoint(_))));
    assert!(matches!(Fault::parse_setting("token=fast"), Err(FaultError::Fault(_))));
    assert!(matches!(Fault::parse_setting("token=float-id"), Err(FaultError::NotHere { .. })));
}
