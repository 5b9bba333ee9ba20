//! The authorization request and the redirect back.

use vestibule_demo_idp::Endpoint;
use vestibule_demo_idp::visitor::forms;

use crate::relying_party::{REDIRECT_URI, RelyingParty, challenge, form, location, param, post};

#[tokio::test]
async fn shows_everybody_on_one_form_and_says_that_it_is_not_github() {
    let party = RelyingParty::start().await;
    let answer = party.http.get(party.authorize_url(&[])).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("form-action"), "{policy}");
    let html = answer.text().await.unwrap();
    assert!(html.contains("It is not GitHub"));
    let forms = forms(&html);
    assert_eq!(forms.len(), 1);
    let people = party.idp.people();
    assert_eq!(forms[0].buttons.len(), people.len() + 1, "one button a person, and one to cancel");
    for person in people {
        assert!(forms[0].buttons.iter().any(|button| button.value == person.login), "{}", person.login);
    }
}

#[tokio::test]
async fn puts_the_suggested_account_first() {
    let party = RelyingParty::start().await;
    let html = party.http.get(party.authorize_url(&[("login", "joiner")])).send().await.unwrap();
    let forms = forms(&html.text().await.unwrap());
    assert_eq!(forms[0].buttons[0].value, "joiner");
}

#[tokio::test]
async fn escapes_what_the_request_says() {
    let party = RelyingParty::start().await;
    let url = party.authorize_url(&[("scope", "\"><script>alert(1)</script>"), ("state", "'\"><b>")]);
    let html = party.http.get(url).send().await.unwrap().text().await.unwrap();
    assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
}

#[tokio::test]
async fn sends_code_state_and_the_unannounced_issuer_back() {
    let party = RelyingParty::start().await;
    let callback = party.choose(&party.authorize_url(&[]), "octavia").await;
    assert!(callback.as_str().starts_with(&format!("{REDIRECT_URI}?")), "{callback}");
    assert_eq!(param(&callback, "state").as_deref(), Some("st-123"));
    assert_eq!(param(&callback, "code").unwrap().len(), 20);
    let issuer = format!("{}/login/oauth", party.idp.base_url());
    assert_eq!(param(&callback, "iss"), Some(issuer.clone()));
    assert_eq!(party.idp.issuer(), issuer);
}

#[tokio::test]
async fn says_access_denied_when_the_person_cancels_or_does_not_consent() {
    let party = RelyingParty::start().await;
    for choice in [("cancel", "1"), ("person", "nadia-no")] {
        let answer = post(&party.http, &party.authorize_url(&[]), form(&[choice])).send().await.unwrap();
        assert_eq!(answer.status(), 302);
        let callback = location(&answer);
        assert_eq!(param(&callback, "error").as_deref(), Some("access_denied"));
        assert_eq!(
            param(&callback, "error_description").as_deref(),
            Some("The user has denied your application access.")
        );
        assert!(param(&callback, "error_uri").unwrap().ends_with("#access-denied"));
        assert_eq!(param(&callback, "state").as_deref(), Some("st-123"));
        assert_eq!(param(&callback, "code"), None);
    }
}

#[tokio::test]
async fn answers_404_for_an_unknown_client() {
    let party = RelyingParty::start().await;
    for url in [party.authorize_url(&[("client_id", "nobody")]), party.authorize_url(&[("client_id", "")])] {
        assert_eq!(party.http.get(&url).send().await.unwrap().status(), 404);
        let answer = post(&party.http, &url, form(&[("person", "octavia")])).send().await.unwrap();
        assert_eq!(answer.status(), 404);
    }
}

#[tokio::test]
async fn sends_another_redirect_uri_to_the_registered_one_with_an_error() {
    let party = RelyingParty::start().await;
    for other in [
        "http://localhost:9/auth/github/callback/",
        "http://localhost:9/auth/github/callback?x=1",
        "http://localhost:10/auth/github/callback",
        "http://evil.example/",
    ] {
        let url = party.authorize_url(&[("redirect_uri", other)]);
        let answer = party.http.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 302, "{other}");
        let callback = location(&answer);
        assert!(callback.as_str().starts_with(&format!("{REDIRECT_URI}?error=redirect_uri_mismatch&")));
        assert_eq!(param(&callback, "state").as_deref(), Some("st-123"));
    }
}

#[tokio::test]
async fn goes_to_the_registered_redirect_uri_when_none_is_sent() {
    let party = RelyingParty::start().await;
    let callback = party.choose(&party.authorize_url(&[("redirect_uri", "")]), "octavia").await;
    assert!(callback.as_str().starts_with(REDIRECT_URI));
}

#[tokio::test]
async fn takes_a_redirect_uri_that_was_registered_later() {
    let party = RelyingParty::start().await;
    let later = "http://localhost:10/auth/github/callback?fixed=1";
    assert!(party.idp.register_redirect_uri("demo-client-1", later));
    assert!(!party.idp.register_redirect_uri("nobody", later));
    let callback = party.choose(&party.authorize_url(&[("redirect_uri", later)]), "octavia").await;
    assert!(callback.as_str().starts_with(&format!("{later}&code=")), "{callback}");
}

#[tokio::test]
async fn refuses_plain_pkce() {
    let party = RelyingParty::start().await;
    for method in ["plain", ""] {
        let url =
            party.authorize_url(&[("code_challenge_method", method), ("code_challenge", &challenge("x"))]);
        let answer = party.http.get(url).send().await.unwrap();
        assert_eq!(param(&location(&answer), "error").as_deref(), Some("invalid_request"));
    }
}

#[tokio::test]
async fn records_what_was_sent() {
    let party = RelyingParty::start().await;
    party.code_for("octavia").await;
    let requests = party.idp.requests_to(Endpoint::Authorize);
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].query_param("redirect_uri").as_deref(), Some(REDIRECT_URI));
    assert_eq!(requests[0].form_param("person").as_deref(), Some("octavia"));
    assert_eq!(requests[0].header("user-agent"), Some("it"));
    party.idp.clear_requests();
    assert!(party.idp.requests().is_empty());
}

#[tokio::test]
async fn shows_an_avatar_for_everybody_and_404_elsewhere() {
    let party = RelyingParty::start().await;
    for person in party.idp.people() {
        let answer =
            party.http.get(party.url(&format!("/avatars/u/{}?v=4", person.id))).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "image/svg+xml");
    }
    for path in ["/", "/avatars/u/1", "/avatars/u/x", "/login/oauth/access_token"] {
        assert_eq!(party.http.get(party.url(path)).send().await.unwrap().status(), 404, "{path}");
    }
}
