//! The OpenID provider: what the specifications ask of one, each option, and how strictly it takes its relying parties.

use aws_lc_rs::digest;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde_json::{Value, json};
use std::time::Duration;
use vestibule_demo_idp::{
    Algorithm, CODE_LIFE, CallbackIssuer, DemoIdp, Endpoint, Fault, OpenIdOptions, Options, Personality,
    Pkce, TokenAuth,
};

use crate::openid_judge::Token;
use crate::openid_party::{NONCE, OpenIdParty, REDIRECT_URI, error_of};
use crate::relying_party::{CLIENT_ID, client, form, json, param, post};

async fn start() -> OpenIdParty {
    OpenIdParty::start(Personality::Oidc).await
}

async fn start_with(openid: OpenIdOptions) -> OpenIdParty {
    OpenIdParty::start_with(Options { openid, ..Options::of(Personality::Oidc) }).await
}

#[tokio::test]
async fn signs_in_with_claims_for_the_scopes() {
    let party = start().await;
    let tokens = party.tokens("octavia", "openid profile email groups").await;
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(3600)));
    let token = Token::read(tokens["id_token"].as_str().unwrap()).unwrap();
    party.verify(&token).await.unwrap();
    assert_eq!(token.header["alg"], "RS256");
    let access_token = tokens["access_token"].as_str().unwrap();
    let half = &digest::digest(&digest::SHA256, access_token.as_bytes()).as_ref()[..16].to_vec();
    assert_eq!(token.claims["at_hash"], BASE64URL_NOPAD.encode(half));
    assert_eq!(token.claims["azp"], CLIENT_ID);
    assert!(token.claims["auth_time"].as_u64() <= token.claims["iat"].as_u64());

    let userinfo = json(party.userinfo(access_token).send().await.unwrap()).await;
    for claims in [&token.claims, &userinfo] {
        assert_eq!(claims["sub"], "demo|583231");
        assert_eq!(claims["name"], "Octavia Hubbard");
        assert_eq!(claims["preferred_username"], "octavia");
        assert_eq!(
            (&claims["email"], &claims["email_verified"]),
            (&json!("octavia@example.org"), &json!(true))
        );
        assert_eq!(claims["groups"], json!(["acme", "acme/platform"]));
        let picture = client(None).get(claims["picture"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(picture.headers()["content-type"], "image/svg+xml");
    }
    let posted = post(&party.http, &party.endpoint("userinfo_endpoint"), String::new());
    assert_eq!(posted.bearer_auth(access_token).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn gives_no_claim_without_its_scope() {
    let party = start().await;
    let token = party.id_token("octavia", "openid").await;
    for name in ["name", "preferred_username", "picture", "email", "email_verified", "groups"] {
        assert!(token.claims.get(name).is_none(), "{name}");
    }
    assert_eq!(party.claims("octavia", "openid unheard-of").await, json!({ "sub": "demo|583231" }));
    let claims = party.claims("noor", "openid email").await;
    assert_eq!(claims["email_verified"], json!(false));
    assert!(party.claims("kai", "openid profile").await.get("name").is_none(), "an account without a name");
}

#[tokio::test]
async fn keeps_claims_to_userinfo_where_asked_and_userinfo_away_where_asked() {
    let party = start_with(OpenIdOptions { claims_in_id_token: false, ..OpenIdOptions::default() }).await;
    let token = party.id_token("octavia", "openid profile email groups").await;
    assert!(token.claims.get("email").is_none() && token.claims.get("groups").is_none());
    assert_eq!(party.claims("octavia", "openid groups").await["groups"][0], "acme");
    let party = start_with(OpenIdOptions { userinfo: false, ..OpenIdOptions::default() }).await;
    assert!(party.metadata.get("userinfo_endpoint").is_none());
    let url = format!("{}/userinfo", party.idp.base_url());
    assert_eq!(party.http.get(url).send().await.unwrap().status(), 404);
    assert_eq!(party.id_token("octavia", "openid email").await.claims["email"], "octavia@example.org");
}

#[tokio::test]
async fn gives_an_access_token_alone_without_the_scope_openid() {
    let party = start().await;
    let tokens = party.tokens("octavia", "profile").await;
    assert!(tokens.get("id_token").is_none());
    let answer = party.userinfo(tokens["access_token"].as_str().unwrap()).send().await.unwrap();
    let challenge = answer.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert!(challenge.contains("insufficient_scope"), "{challenge}");
    assert_eq!(error_of(answer).await, (403, "insufficient_scope".to_owned()));
}

#[tokio::test]
async fn repeats_no_nonce_that_was_not_sent() {
    let party = start().await;
    let callback = party.choose(&party.authorize_url(&[("nonce", "")]), "octavia").await;
    let (_, tokens) = party.exchange(&param(&callback, "code").unwrap(), &[]).await;
    let token = Token::read(tokens["id_token"].as_str().unwrap()).unwrap();
    assert!(token.claims.get("nonce").is_none());
    assert!(party.verify(&token).await.unwrap_err().contains("nonce"), "{NONCE} was expected");
}

#[tokio::test]
async fn tells_about_itself_what_the_specification_requires() {
    let party = start().await;
    let text = party.metadata.to_string();
    for name in
        ["response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported"]
    {
        assert!(party.metadata[name].is_array(), "{text}");
    }
    assert_eq!(party.metadata["id_token_signing_alg_values_supported"], json!(["RS256", "ES256"]));
    assert_eq!(party.metadata["authorization_response_iss_parameter_supported"], json!(true));
    assert_eq!(party.metadata["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(party.metadata["request_uri_parameter_supported"], json!(false));
    let answer = party.http.get(party.endpoint("end_session_endpoint")).send().await.unwrap();
    assert!(answer.text().await.unwrap().contains("signed out"));
    let keys = party.jwks().await;
    let kinds: Vec<&Value> = keys.iter().map(|key| &key["kty"]).collect();
    assert_eq!(kinds, [&json!("RSA"), &json!("EC")]);
    for key in &keys {
        // RFC 7638 §3.
        let canonical = match key["kty"].as_str() {
            Some("RSA") => format!("{{\"e\":{},\"kty\":\"RSA\",\"n\":{}}}", key["e"], key["n"]),
            _ => format!("{{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":{},\"y\":{}}}", key["x"], key["y"]),
        };
        assert_eq!(key["kid"], crate::relying_party::challenge(&canonical), "SHA-256 in base64url");
    }
    assert!(keys.iter().all(|key| key.get("d").is_none() && key["use"] == "sig" && key["kid"].is_string()));
}

#[tokio::test]
async fn is_found_below_a_path_and_with_a_final_slash() {
    for (path, slash) in [("", true), ("/realms/demo", false), ("/realms/demo", true)] {
        let openid =
            OpenIdOptions { base_path: path.to_owned(), issuer_slash: slash, ..OpenIdOptions::default() };
        let party = start_with(openid).await;
        assert_eq!(party.idp.issuer().ends_with('/'), slash);
        assert!(
            party.idp.base_url().ends_with(path)
                && party.endpoint("token_endpoint").ends_with(&format!("{path}/token"))
        );
        assert!(party.id_token("octavia", "openid").await.claims["iss"] == party.idp.issuer());
        // OpenID Connect Discovery 1.0 §4: the final slash goes before the suffix comes.
        let double = format!("{}//.well-known/openid-configuration", party.idp.base_url());
        assert_eq!(party.http.get(double).send().await.unwrap().status(), 404);
        if !path.is_empty() {
            let origin = party.idp.base_url().trim_end_matches(path).to_owned();
            let answer =
                party.http.get(format!("{origin}/.well-known/openid-configuration")).send().await.unwrap();
            assert_eq!(answer.status(), 404);
        }
    }
    for path in ["realms", "/realms/", "//realms", "/a?b"] {
        let openid = OpenIdOptions { base_path: path.to_owned(), ..OpenIdOptions::default() };
        let error = DemoIdp::start(Options { openid, ..Options::of(Personality::Oidc) }).await.err().unwrap();
        assert!(error.to_string().starts_with(&format!("`{path}` is no base path")), "{error}");
    }
}

#[tokio::test]
async fn signs_by_the_first_algorithm_and_rotates() {
    let openid = OpenIdOptions { algorithms: vec![Algorithm::Es256], ..OpenIdOptions::default() };
    let party = start_with(openid).await;
    let old = party.id_token("octavia", "openid").await;
    assert_eq!((&old.header["alg"], party.jwks().await.len()), (&json!("ES256"), 1));
    party.idp.rotate_keys(true);
    assert_eq!(party.jwks().await.len(), 2);
    party.verify(&old).await.unwrap();
    let new = party.id_token("octavia", "openid").await;
    assert_ne!(new.header["kid"], old.header["kid"]);
    party.idp.rotate_keys(false);
    assert_eq!(party.verify(&new).await.unwrap_err(), "0 keys with this kid");
    party.id_token("octavia", "openid").await;
}

#[tokio::test]
async fn names_the_issuer_in_callbacks_as_asked() {
    for rule in CallbackIssuer::ALL {
        let party = start_with(OpenIdOptions { callback_issuer: *rule, ..OpenIdOptions::default() }).await;
        let announced = party.metadata.get("authorization_response_iss_parameter_supported").is_some();
        assert_eq!(announced, *rule == CallbackIssuer::Announced);
        for person in ["octavia", "nadia-no"] {
            let callback = party.choose(&party.authorize_url(&[]), person).await;
            let expected = (*rule != CallbackIssuer::Absent).then(|| party.idp.issuer());
            assert_eq!(param(&callback, "iss"), expected, "{callback}");
            assert_eq!(param(&callback, "error").is_some(), person == "nadia-no");
        }
    }
}

#[tokio::test]
async fn sends_nobody_to_an_address_that_is_not_registered() {
    let party = start().await;
    for change in [
        ("redirect_uri", "http://localhost:9/auth/oidc/callback/"),
        ("redirect_uri", ""),
        ("client_id", "nobody"),
        ("client_id", ""),
    ] {
        let answer = party.http.get(party.authorize_url(&[change])).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{change:?}");
        assert!(answer.headers().get("location").is_none());
    }
    let twice = format!("{}&redirect_uri=http://evil.example/", party.authorize_url(&[]));
    assert_eq!(party.http.get(twice).send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn refuses_requests_that_the_specification_refuses() {
    let party = start().await;
    let long = "x".repeat(44);
    for (changes, error) in [
        (vec![("response_type", "id_token")], "unsupported_response_type"),
        (vec![("response_type", "")], "invalid_request"),
        (vec![("response_mode", "fragment")], "invalid_request"),
        (vec![("scope", "unheard-of")], "invalid_scope"),
        (vec![("scope", "")], "invalid_scope"),
        (vec![("code_challenge_method", "plain")], "invalid_request"),
        (vec![("code_challenge_method", "")], "invalid_request"),
        (vec![("code_challenge", "")], "invalid_request"),
        (vec![("code_challenge", long.as_str())], "invalid_request"),
        (vec![("prompt", "none")], "login_required"),
        (vec![("request", "a.b.c")], "request_not_supported"),
        (vec![("request_uri", "https://rp.example/r")], "request_uri_not_supported"),
    ] {
        let answer = party.http.get(party.authorize_url(&changes)).send().await.unwrap();
        assert_eq!(answer.status(), 302, "{changes:?}");
        let callback = crate::relying_party::location(&answer);
        assert!(callback.as_str().starts_with(REDIRECT_URI));
        assert_eq!(param(&callback, "error").as_deref(), Some(error), "{changes:?}");
        assert_eq!(param(&callback, "state").as_deref(), Some("st-123"));
    }
    let answer = party.http.get(format!("{}&nonce=again", party.authorize_url(&[]))).send().await.unwrap();
    assert_eq!(param(&crate::relying_party::location(&answer), "error").as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn holds_code_challenges_as_asked() {
    let refused = start_with(OpenIdOptions { pkce: Pkce::Refused, ..OpenIdOptions::default() }).await;
    assert!(refused.metadata.get("code_challenge_methods_supported").is_none());
    let callback = refused.choose(&refused.authorize_url(&[]), "octavia").await;
    assert_eq!(param(&callback, "error").as_deref(), Some("invalid_request"));
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    let callback = refused.choose(&refused.authorize_url(&without), "octavia").await;
    let (status, _) = refused.exchange(&param(&callback, "code").unwrap(), &[("code_verifier", "")]).await;
    assert_eq!(status, 200);

    let required = start_with(OpenIdOptions { pkce: Pkce::Required, ..OpenIdOptions::default() }).await;
    let callback = required.choose(&required.authorize_url(&without), "octavia").await;
    assert_eq!(param(&callback, "error").as_deref(), Some("invalid_request"));
    required.id_token("octavia", "openid").await;
}

#[tokio::test]
async fn takes_a_code_for_one_attempt_of_its_client() {
    let party = start().await;
    for change in [
        ("redirect_uri", "http://localhost:9/other"),
        ("redirect_uri", ""),
        ("code_verifier", "another-code-verifier-of-forty-three-letters"),
        ("code_verifier", "short"),
        ("code_verifier", ""),
        ("code", "unknown"),
    ] {
        let code = party.code_for("octavia", "openid").await;
        let (status, body) = party.exchange(&code, &[change]).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")), "{change:?}");
        let (status, _) = party.exchange(&code, &[]).await;
        assert_eq!(status, if change.0 == "code" { 200 } else { 400 }, "{change:?}");
    }
    let late = party.code_for("octavia", "openid").await;
    party.idp.advance_clock(CODE_LIFE);
    assert_eq!(party.exchange(&late, &[]).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn ends_the_token_of_a_code_that_comes_again() {
    let party = start().await;
    let code = party.code_for("octavia", "openid").await;
    let (_, tokens) = party.exchange(&code, &[]).await;
    let access_token = tokens["access_token"].as_str().unwrap();
    assert_eq!(party.userinfo(access_token).send().await.unwrap().status(), 200);
    assert_eq!(party.exchange(&code, &[]).await.1["error"], "invalid_grant");
    let answer = party.userinfo(access_token).send().await.unwrap();
    assert_eq!(error_of(answer).await, (401, "invalid_token".to_owned()));
}

#[tokio::test]
async fn takes_the_clients_secret_in_one_way_that_it_lists_and_rightly_encoded() {
    let party = start().await;
    let code = || party.code_for("octavia", "openid");
    let posted = [("client_id", CLIENT_ID), ("client_secret", party.secret.as_str())];
    let answer = party.token_request(&code().await, &posted).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let both = party.token_request(&code().await, &posted).header("authorization", party.basic());
    assert_eq!(error_of(both.send().await.unwrap()).await, (400, "invalid_request".to_owned()));

    let unencoded = format!("Basic {}", BASE64.encode(format!("{CLIENT_ID}:{}", party.secret).as_bytes()));
    for header in [unencoded.as_str(), "Basic %", "Bearer x", "Basic ZGVtbzpub25l"] {
        let answer =
            party.token_request(&code().await, &[]).header("authorization", header).send().await.unwrap();
        assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic "));
        assert_eq!(error_of(answer).await, (401, "invalid_client".to_owned()), "{header}");
    }
    let other = party.token_request(&code().await, &[("client_id", "other")]);
    let answer = other.header("authorization", party.basic()).send().await.unwrap();
    assert_eq!(error_of(answer).await, (400, "invalid_request".to_owned()));

    for (way, basic, post) in [(TokenAuth::Basic, 200, 401), (TokenAuth::Post, 401, 200)] {
        let party = start_with(OpenIdOptions { token_auth: vec![way], ..OpenIdOptions::default() }).await;
        assert_eq!(party.metadata["token_endpoint_auth_methods_supported"], json!([way.name()]));
        let code = || party.code_for("octavia", "openid");
        assert_eq!(party.exchange(&code().await, &[]).await.0, basic);
        let posted = [("client_id", CLIENT_ID), ("client_secret", party.secret.as_str())];
        assert_eq!(party.token_request(&code().await, &posted).send().await.unwrap().status(), post);
    }
}

#[tokio::test]
async fn takes_a_token_request_as_one_form_in_the_body() {
    let party = start().await;
    let code = party.code_for("octavia", "openid").await;
    let url = party.endpoint("token_endpoint");
    let body = form(&[("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", REDIRECT_URI)]);
    let attempts = [
        party.http.post(&url).header("content-type", "application/json").body(body.clone()),
        party.http.post(&url).body(body.clone()),
        post(&party.http, &format!("{url}?x=y"), body.clone()),
        post(&party.http, &url, format!("{body}&code=again")),
        post(&party.http, &url, form(&[("code", &code)])),
    ];
    for attempt in attempts {
        let answer = attempt.header("authorization", party.basic()).send().await.unwrap();
        assert_eq!(error_of(answer).await, (400, "invalid_request".to_owned()));
    }
    let (status, body) = party.exchange(&code, &[("grant_type", "password")]).await;
    assert_eq!((status, &body["error"]), (400, &json!("unsupported_grant_type")));
    assert_eq!(party.http.get(&url).send().await.unwrap().status(), 404, "only POST");
    assert_eq!(party.exchange(&code, &[]).await.0, 200, "none of these used the code up");
}

#[tokio::test]
async fn ends_access_tokens_by_time_and_by_revocation() {
    let party = start().await;
    let access_token =
        || async { party.tokens("octavia", "openid").await["access_token"].as_str().unwrap().to_owned() };
    let (revoked, expired) = (access_token().await, access_token().await);
    let revoke = |authorization: &str| {
        let request = post(&party.http, &party.endpoint("revocation_endpoint"), form(&[("token", &revoked)]));
        request.header("authorization", authorization.to_owned()).send()
    };
    assert_eq!(error_of(revoke("Basic x").await.unwrap()).await, (401, "invalid_client".to_owned()));
    assert_eq!(party.userinfo(&revoked).send().await.unwrap().status(), 200);
    for _ in 0..2 {
        assert_eq!(revoke(&party.basic()).await.unwrap().status(), 200, "also for a token that is gone");
    }
    assert_eq!(party.userinfo(&revoked).send().await.unwrap().status(), 401);
    party.idp.advance_clock(Duration::from_secs(3600));
    assert_eq!(party.userinfo(&expired).send().await.unwrap().status(), 401);
    let answer = party.http.get(party.endpoint("userinfo_endpoint")).send().await.unwrap();
    assert_eq!(answer.headers()["www-authenticate"], "Bearer realm=\"demo\"");
}

#[tokio::test]
async fn lives_at_the_time_that_it_is_given() {
    let party = start().await;
    party.idp.stop_clock_at(Duration::from_secs(1_700_000_000));
    let token = party.id_token("octavia", "openid").await;
    assert_eq!((&token.claims["iat"], &token.claims["exp"]), (&json!(1_700_000_000), &json!(1_700_000_300)));
    party.idp.advance_clock(Duration::from_secs(5));
    assert_eq!(party.id_token("octavia", "openid").await.claims["iat"], 1_700_000_005);
}

#[tokio::test]
async fn starts_without_listening_and_comes_back_on_the_same_port() {
    let faults = vec![(Endpoint::All, Fault::Refused)];
    let idp = DemoIdp::start(Options { faults, ..Options::of(Personality::Oidc) }).await.unwrap();
    let (http, url) = (client(None), format!("{}/.well-known/openid-configuration", idp.base_url()));
    assert!(http.get(&url).send().await.unwrap_err().is_connect());
    idp.clear_faults();
    assert_eq!(json(http.get(&url).send().await.unwrap()).await["issuer"], idp.issuer());
    let faults = vec![(Endpoint::User, Fault::FloatId)];
    let error = DemoIdp::start(Options { faults, ..Options::of(Personality::Oidc) }).await.err().unwrap();
    assert_eq!(error.to_string(), "fault `float-id` at `user` does nothing as `oidc`");
}

#[tokio::test]
async fn says_on_its_page_whom_it_plays() {
    let party = start().await;
    let page = party.http.get(party.authorize_url(&[("login_hint", "kai")])).send().await.unwrap();
    let html = page.text().await.unwrap();
    assert!(html.contains("It is not your OpenID provider"), "{html}");
    assert_eq!(vestibule_demo_idp::visitor::forms(&html)[0].buttons[0].value, "kai");
}
