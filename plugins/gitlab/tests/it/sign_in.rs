//! The way of one sign-in.

use serde_json::json;
use vestibule_provider::{Error, testing};

use crate::fake::{CLIENT, CODE, Instance, complete, gitlab, pairs, paths};

#[test]
fn sends_the_browser_to_gitlab_with_state_challenge_and_nonce() {
    let url = gitlab(json!({})).begin(testing::no_requests).redirect();
    assert_eq!(url.origin().ascii_serialization() + url.path(), "https://gitlab.com/oauth/authorize");
    let expected = [
        ("client_id", CLIENT),
        ("code_challenge", testing::CODE_CHALLENGE),
        ("code_challenge_method", "S256"),
        ("nonce", testing::NONCE),
        ("redirect_uri", testing::REDIRECT_URI),
        ("response_type", "code"),
        ("scope", "openid email read_user"),
        ("state", testing::STATE),
    ];
    assert_eq!(pairs(url.query().unwrap()), expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
}

#[test]
fn gives_the_account_that_the_code_stands_for_in_two_requests() {
    let outcome = complete(json!({}), Instance::default());
    assert_eq!(
        *outcome.account(),
        json!({
            "account_id": "24400320",
            "login": "ada",
            "name": "Ada Lovelace",
            "email": "ada@corp.example",
            "email_verified": 1,
            "avatar_url": "https://gitlab.com/uploads/-/system/user/avatar/24400320/avatar.png",
        })
    );
    assert_eq!(paths(&outcome), ["/oauth/token", "/api/v4/user"]);
    let bearer = "Bearer de6780bc506a0446309bd9362820ba8aed28aa506c71eedbe1c5c4f9dd350e54";
    assert_eq!(outcome.requests[1].header_value("authorization"), Some(bearer));
}

#[test]
fn the_secret_goes_in_a_header_and_the_code_with_its_verifier() {
    let outcome = complete(json!({}), Instance::default());
    let request = &outcome.requests[0];
    let credentials = format!("{CLIENT}:{}", testing::handle("client_secret"));
    let basic = format!("Basic {}", data_encoding::BASE64.encode(credentials.as_bytes()));
    assert_eq!(request.header_value("authorization"), Some(basic.as_str()));
    let expected = [
        ("code", "a-code"),
        ("code_verifier", testing::CODE_VERIFIER),
        ("grant_type", "authorization_code"),
        ("redirect_uri", testing::REDIRECT_URI),
    ];
    let form = pairs(std::str::from_utf8(request.body_bytes()).unwrap());
    assert_eq!(form, expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
}

#[test]
fn an_instance_below_a_path_is_asked_there_and_expected_as_issuer() {
    let base = "https://git.corp.example/gitlab";
    let mut instance = Instance::at(base);
    let provider = gitlab(json!({ "base_url": format!("{base}/"), "allowed_groups": ["eng"] }));
    assert_eq!(provider.begin(testing::no_requests).redirect().path(), "/gitlab/oauth/authorize");
    let outcome = provider.complete(CODE, &mut instance);
    outcome.account();
    assert_eq!(paths(&outcome), ["/gitlab/oauth/token", "/gitlab/api/v4/user", "/gitlab/oauth/userinfo"]);
    assert_eq!(instance.asked[0]["issuers"], json!([base]));
    assert_eq!(instance.asked[0]["jwks_uri"], format!("{base}/oauth/discovery/keys"));
}

#[test]
fn everything_that_the_sign_in_knows_is_checked_of_the_id_token() {
    let mut instance = Instance::default();
    gitlab(json!({})).complete(CODE, &mut instance).account();
    assert_eq!(
        instance.asked,
        [json!({
            "token": "header.payload.signature",
            "jwks_uri": "https://gitlab.com/oauth/discovery/keys",
            "issuers": ["https://gitlab.com"],
            "audience": CLIENT,
            "algorithms": ["RS256"],
            "nonce": testing::NONCE,
            "access_token": "de6780bc506a0446309bd9362820ba8aed28aa506c71eedbe1c5c4f9dd350e54",
        })]
    );
}

#[test]
fn an_id_token_that_does_not_hold_ends_the_sign_in() {
    let refusal = Error::bad_answer("the token's issuer is another one");
    let outcome = complete(json!({}), Instance { verification: Some(refusal), ..Instance::default() });
    assert_eq!(outcome.error().code(), 7);
    assert_eq!(paths(&outcome), ["/oauth/token"]);
    for claims in
        [json!({ "iss": "https://gitlab.com/" }), json!({ "aud": "another" }), json!({ "nonce": "another" })]
    {
        assert_eq!(complete(json!({}), Instance::default().claiming(claims)).error().code(), 7);
    }
}

#[test]
fn errors_in_the_callback_have_their_class() {
    for (name, code, cure) in [
        ("access_denied", 1, ""),
        ("invalid_scope", 3, "`read_user`"),
        ("unauthorized_client", 3, ""),
        ("server_error", 6, ""),
        ("something_new", 7, ""),
    ] {
        let outcome = gitlab(json!({})).complete(&[("error", name)], testing::no_requests);
        assert_eq!(outcome.error().code(), code, "{name}");
        assert!(outcome.error().message().contains(cure), "{}", outcome.error());
    }
}
