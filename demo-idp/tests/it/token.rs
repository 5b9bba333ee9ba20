//! The token request: documented answers, one-use codes, PKCE, both ways to authenticate.

use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64;
use tokio::task::JoinSet;
use vestibule_demo_idp::{CODE_LIFE, Endpoint};

use crate::relying_party::{CLIENT_ID, REDIRECT_URI, RelyingParty, VERIFIER, param};

#[tokio::test]
async fn answers_form_encoded_unless_json_or_xml_is_accepted() {
    let party = RelyingParty::start().await;
    let code = party.code_for("octavia").await;
    let answer = party.token_request(&code, &[]).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/x-www-form-urlencoded; charset=utf-8");
    let body = answer.text().await.unwrap();
    assert!(body.starts_with("access_token=gho_demo"), "{body}");
    assert!(body.ends_with("&scope=user%3Aemail%2Cread%3Aorg&token_type=bearer"), "{body}");

    let code = party.code_for("octavia").await;
    let token = party.token_json(&code, &[]).await;
    assert_eq!(token["access_token"].as_str().unwrap().len(), 40);
    assert_eq!(token["scope"], "user:email,read:org");
    assert_eq!(token["token_type"], "bearer");

    let code = party.code_for("octavia").await;
    let answer = party.token_request(&code, &[]).header("accept", "application/xml").send().await.unwrap();
    let body = answer.text().await.unwrap();
    assert!(body.starts_with("<OAuth><access_token>gho_demo"), "{body}");
}

#[tokio::test]
async fn says_errors_with_status_200() {
    let party = RelyingParty::start().await;
    let answer = party.token_request("wrong", &[]).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(
        answer.text().await.unwrap().starts_with("error=bad_verification_code&error_description=The+code+")
    );
}

#[tokio::test]
async fn takes_a_code_once() {
    let party = RelyingParty::start().await;
    let code = party.code_for("octavia").await;
    assert!(party.token_json(&code, &[]).await["access_token"].is_string());
    assert_eq!(party.token_json(&code, &[]).await["error"], "bad_verification_code");
}

#[tokio::test(flavor = "multi_thread")]
async fn gives_one_token_to_twenty_parallel_exchanges_of_a_code() {
    let party = Arc::new(RelyingParty::start().await);
    let code = party.code_for("octavia").await;
    let mut exchanges = JoinSet::new();
    for _ in 0..20 {
        let (party, code) = (Arc::clone(&party), code.clone());
        exchanges.spawn(async move { party.token_json(&code, &[]).await["access_token"].is_string() });
    }
    let tokens = exchanges.join_all().await;
    assert_eq!(tokens.iter().filter(|given| **given).count(), 1);
    assert_eq!(party.idp.requests_to(Endpoint::Token).len(), 20);
}

#[tokio::test]
async fn takes_a_code_for_ten_minutes() {
    let party = RelyingParty::start().await;
    let (early, late) = (party.code_for("octavia").await, party.code_for("octavia").await);
    party.idp.advance_clock(CODE_LIFE - Duration::from_secs(30));
    assert!(party.token_json(&early, &[]).await["access_token"].is_string());
    party.idp.advance_clock(Duration::from_secs(30));
    assert_eq!(party.token_json(&late, &[]).await["error"], "bad_verification_code");
}

#[tokio::test]
async fn wants_the_clients_own_secret_and_keeps_the_code_when_it_is_wrong() {
    let party = RelyingParty::start().await;
    let code = party.code_for("octavia").await;
    for change in [("client_secret", "wrong"), ("client_secret", ""), ("client_id", "nobody")] {
        let answer = party.token_json(&code, &[change]).await;
        assert_eq!(answer["error"], "incorrect_client_credentials");
    }
    assert!(party.token_json(&code, &[]).await["access_token"].is_string());
}

#[tokio::test]
async fn takes_basic_authentication_as_it_is_and_form_encoded() {
    let party = RelyingParty::start().await;
    let encoded: String = url::form_urlencoded::byte_serialize(party.secret.as_bytes()).collect();
    assert_ne!(encoded, party.secret);
    for secret in [party.secret.as_str(), &encoded] {
        let code = party.code_for("octavia").await;
        let basic = BASE64.encode(format!("{CLIENT_ID}:{secret}").as_bytes());
        let request = party.token_request(&code, &[("client_id", ""), ("client_secret", "")]);
        let answer = request.header("authorization", format!("Basic {basic}")).send().await.unwrap();
        assert!(answer.text().await.unwrap().starts_with("access_token=gho_"));
    }
    let code = party.code_for("octavia").await;
    let request = party.token_request(&code, &[("client_id", ""), ("client_secret", "")]);
    let answer = request.basic_auth(CLIENT_ID, Some("wrong")).send().await.unwrap();
    assert!(answer.text().await.unwrap().starts_with("error=incorrect_client_credentials"));
}

#[tokio::test]
async fn wants_the_redirect_uri_of_the_authorization_request() {
    let party = RelyingParty::start().await;
    let code = party.code_for("octavia").await;
    let other = party.token_json(&code, &[("redirect_uri", "http://localhost:9/other")]).await;
    assert_eq!(other["error"], "redirect_uri_mismatch");
    assert!(party.token_json(&code, &[("redirect_uri", "")]).await["access_token"].is_string());
}

#[tokio::test]
async fn checks_the_verifier_against_the_challenge() {
    let party = RelyingParty::start().await;
    let code = party.code_for("octavia").await;
    for verifier in ["another-code-verifier-of-forty-three-letters", ""] {
        let answer = party.token_json(&code, &[("code_verifier", verifier)]).await;
        assert_eq!(answer["error"], "bad_verification_code");
    }
    assert!(party.token_json(&code, &[]).await["access_token"].is_string());
}

#[tokio::test]
async fn refuses_a_verifier_that_no_challenge_announced() {
    let party = RelyingParty::start().await;
    let url = party.authorize_url(&[("code_challenge", ""), ("code_challenge_method", "")]);
    let code = param(&party.choose(&url, "octavia").await, "code").unwrap();
    assert_eq!(party.token_json(&code, &[]).await["error"], "bad_verification_code");
    assert!(party.token_json(&code, &[("code_verifier", "")]).await["access_token"].is_string());
}

#[tokio::test]
async fn records_the_token_request() {
    let party = RelyingParty::start().await;
    let code = party.code_for("octavia").await;
    party.token_json(&code, &[]).await;
    let requests = party.idp.requests_to(Endpoint::Token);
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].form_param("redirect_uri").as_deref(), Some(REDIRECT_URI));
    assert_eq!(requests[0].form_param("code_verifier").as_deref(), Some(VERIFIER));
    assert_eq!(requests[0].form_param("code"), Some(code));
    assert_eq!(requests[0].basic(), None);
}
