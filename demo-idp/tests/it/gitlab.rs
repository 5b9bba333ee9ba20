//! GitLab: its paths, also below a relative URL root, its claims, and the REST API's account.

use serde_json::{Value, json};
use vestibule_demo_idp::{OpenIdOptions, Options, Personality};

use crate::openid_party::{OpenIdParty, error_of};
use crate::relying_party::{json, param};

async fn start() -> OpenIdParty {
    OpenIdParty::start(Personality::GitLab).await
}

async fn user(party: &OpenIdParty, person: &str) -> Value {
    let tokens = party.tokens(person, "openid read_user").await;
    let url = format!("{}/api/v4/user", party.idp.base_url());
    let answer =
        party.http.get(url).bearer_auth(tokens["access_token"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    json(answer).await
}

#[tokio::test]
async fn has_its_paths_also_below_a_relative_url_root() {
    for root in ["", "/gitlab"] {
        let mut options = Options::of(Personality::GitLab);
        options.openid.base_path = root.to_owned();
        let party = OpenIdParty::start_with(options).await;
        assert!(party.idp.base_url().ends_with(root) && party.idp.issuer() == party.idp.base_url());
        for (member, path) in [
            ("authorization_endpoint", "/oauth/authorize"),
            ("token_endpoint", "/oauth/token"),
            ("userinfo_endpoint", "/oauth/userinfo"),
            ("jwks_uri", "/oauth/discovery/keys"),
            ("revocation_endpoint", "/oauth/revoke"),
        ] {
            assert_eq!(party.endpoint(member), format!("{}{path}", party.idp.base_url()));
        }
        assert_eq!(party.metadata["id_token_signing_alg_values_supported"], json!(["RS256"]));
        assert_eq!(party.metadata["code_challenge_methods_supported"], json!(["plain", "S256"]));
        assert!(party.metadata.get("authorization_response_iss_parameter_supported").is_none());
        let callback = party.choose(&party.authorize_url(&[]), "octavia").await;
        assert_eq!(param(&callback, "iss"), Some(party.idp.issuer()), "unannounced");
        party.id_token("octavia", "openid").await;
        assert_eq!(user(&party, "octavia").await["id"], 583_231);
    }
}

#[tokio::test]
async fn never_ends_its_issuer_in_a_slash() {
    let openid = OpenIdOptions { issuer_slash: true, ..Options::of(Personality::GitLab).openid };
    let party = OpenIdParty::start_with(Options { openid, ..Options::of(Personality::GitLab) }).await;
    assert_eq!(party.idp.issuer(), party.idp.base_url());
}

#[tokio::test]
async fn puts_each_claim_where_its_documentation_says() {
    let party = start().await;
    let token = party.id_token("octavia", "openid profile email").await;
    let userinfo = party.claims("octavia", "openid profile email").await;
    assert_eq!((&token.claims["sub"], &userinfo["sub"]), (&json!("583231"), &json!("583231")));
    assert_eq!(token.claims["sub_legacy"].as_str().unwrap().len(), 64);
    assert_eq!(token.claims["groups_direct"], json!(["acme"]));
    assert!(token.claims.get("groups").is_none() && token.claims.get("name").is_none());
    assert_eq!(userinfo["groups"], json!(["acme", "acme/platform"]));
    assert!(userinfo.get("groups_direct").is_none());
    assert_eq!(
        (&userinfo["nickname"], &userinfo["preferred_username"]),
        (&json!("octavia"), &json!("octavia"))
    );
    assert_eq!(
        (&userinfo["email"], &userinfo["email_verified"]),
        (&json!("octavia@example.org"), &json!(true))
    );
}

#[tokio::test]
async fn shows_the_public_address_without_the_scope_email() {
    let party = start().await;
    let claims = party.claims("octavia", "openid").await;
    assert_eq!(
        (&claims["email"], &claims["email_verified"]),
        (&json!("press@octavia.example"), &json!(false))
    );
    assert!(party.claims("kai", "openid").await.get("email").is_none());
    assert_eq!(party.claims("noor", "openid email").await["email_verified"], json!(false));
}

#[tokio::test]
async fn shows_the_account_with_its_state_and_ids_of_any_length() {
    let party = start().await;
    let account = user(&party, "octavia").await;
    assert_eq!((&account["username"], &account["state"]), (&json!("octavia"), &json!("active")));
    assert_eq!((&account["locked"], &account["email"]), (&json!(false), &json!("octavia@example.org")));
    assert!(account["confirmed_at"].is_string() && account["avatar_url"].is_string());
    assert_eq!(user(&party, "noor").await["confirmed_at"], Value::Null);
    assert_eq!(user(&party, "bo-blocked").await["state"], "blocked");
    assert_eq!(user(&party, "lou-locked").await["locked"], true);

    let beatriz = party.idp.people().into_iter().find(|person| person.login == "beatriz-big").unwrap();
    assert_eq!(party.idp.subject_of(&beatriz), "18446744073709551617");
    assert_eq!(party.claims("beatriz-big", "openid").await["sub"], "18446744073709551617");
    let tokens = party.tokens("beatriz-big", "openid read_user").await;
    let url = format!("{}/api/v4/user", party.idp.base_url());
    let answer =
        party.http.get(url).bearer_auth(tokens["access_token"].as_str().unwrap()).send().await.unwrap();
    assert!(answer.text().await.unwrap().contains("\"id\":18446744073709551617,"));
}

#[tokio::test]
async fn keeps_its_api_from_the_scope_openid_and_refuses_scopes_that_it_does_not_know() {
    let party = start().await;
    let tokens = party.tokens("octavia", "openid").await;
    let url = format!("{}/api/v4/user", party.idp.base_url());
    let request = party.http.get(&url).bearer_auth(tokens["access_token"].as_str().unwrap());
    assert_eq!(error_of(request.send().await.unwrap()).await, (403, "insufficient_scope".to_owned()));
    assert_eq!(party.http.get(&url).send().await.unwrap().status(), 401);
    assert_eq!((&tokens["expires_in"], tokens["created_at"].is_u64()), (&json!(7200), true));
    let callback = party.choose(&party.authorize_url(&[("scope", "openid groups")]), "octavia").await;
    assert_eq!(param(&callback, "error").as_deref(), Some("invalid_scope"));
}
