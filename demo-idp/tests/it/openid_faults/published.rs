//! Faults of what a provider publishes or says of somebody: metadata, keys, userinfo, callbacks; and those of the wire.

use serde_json::{Value, json};
use vestibule_demo_idp::{Algorithm, Endpoint, Fault, OpenIdFault, OpenIdOptions, Options, Personality};

use super::{SCOPE, claims_expected, faults_at, quick, start};
use crate::openid_judge::{Token, judge_claims};
use crate::openid_party::OpenIdParty;
use crate::relying_party::{CLIENT_ID, json, param};

async fn metadata_under(party: &OpenIdParty, fault: OpenIdFault) -> Value {
    party.idp.set_fault(Endpoint::Discovery, fault);
    let url = format!("{}/.well-known/openid-configuration", party.idp.base_url());
    json(party.http.get(url).send().await.unwrap()).await
}

#[tokio::test]
async fn every_fault_of_the_metadata_is_what_its_name_says() {
    let party = start(Personality::GitLab, &[Algorithm::Es256]).await;
    let endpoints = ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"];
    let other = party.idp.base_url().replace("127.0.0.1", "localhost");
    for fault in faults_at(Endpoint::Discovery) {
        let metadata = metadata_under(&party, fault).await;
        let missing = |name: &str| metadata.get(name).is_none();
        let all =
            |start: &str| endpoints.iter().all(|name| metadata[*name].as_str().unwrap().starts_with(start));
        let alone = |name: &str| {
            let moved = |other: &&str| metadata[*other] != party.metadata[*other];
            endpoints.into_iter().filter(moved).collect::<Vec<_>>() == [name]
        };
        use OpenIdFault as F;
        let right = match fault {
            F::MetadataWrongIssuer => metadata["issuer"] == "https://issuer.example",
            F::MetadataIssuerSlash => metadata["issuer"] == format!("{}/", party.idp.issuer()),
            F::MetadataNoIssuer => missing("issuer"),
            F::MetadataNoAuthorize => missing("authorization_endpoint"),
            F::MetadataNoToken => missing("token_endpoint"),
            F::MetadataNoJwks => missing("jwks_uri"),
            F::MetadataNoUserinfo => missing("userinfo_endpoint"),
            F::MetadataNoAlgorithms => missing("id_token_signing_alg_values_supported"),
            F::MetadataOnlyNone => metadata["id_token_signing_alg_values_supported"] == json!(["none"]),
            F::MetadataOnlyHs256 => metadata["id_token_signing_alg_values_supported"] == json!(["HS256"]),
            F::MetadataNumbers => endpoints.iter().all(|name| metadata[*name].is_number()),
            F::MetadataNoUrls => endpoints.iter().all(|name| metadata[*name] == "no url"),
            F::MetadataPlainHttp => all("http://issuer.example/oauth/"),
            F::MetadataElsewhere => all(&other),
            F::MetadataTokenElsewhere => {
                alone("token_endpoint") && metadata["token_endpoint"] == format!("{other}/oauth/token")
            }
            F::MetadataJwksElsewhere => alone("jwks_uri"),
            F::MetadataPrivateAddress => {
                metadata["jwks_uri"].as_str().unwrap().starts_with("http://169.254.169.254/")
            }
            F::MetadataCredentials => all("http://user:password@127.0.0.1:"),
            other => panic!("`{}` has no test", other.name()),
        };
        assert!(right, "{}: {metadata}", fault.name());
        party.idp.clear_faults();
    }
    // Whoever follows the other origin is seen.
    metadata_under(&party, OpenIdFault::MetadataElsewhere).await;
    party.idp.clear_requests();
    party.http.get(format!("{other}/oauth/discovery/keys")).send().await.unwrap();
    assert!(party.idp.requests_to(Endpoint::Jwks)[0].header("host").unwrap().starts_with("localhost:"));
}

#[tokio::test]
async fn a_final_slash_too_few_is_a_fault_as_well() {
    let openid = OpenIdOptions { issuer_slash: true, ..OpenIdOptions::default() };
    let party = OpenIdParty::start_with(Options { openid, ..Options::of(Personality::Oidc) }).await;
    let metadata = metadata_under(&party, OpenIdFault::MetadataIssuerSlash).await;
    assert_eq!(metadata["issuer"], party.idp.base_url());
}

#[tokio::test]
async fn every_fault_of_the_keys_is_what_its_name_says() {
    let party = quick().await;
    let right_key = party.jwks().await[0].clone();
    let tokens = party.tokens("octavia", SCOPE).await;
    let token = Token::read(tokens["id_token"].as_str().unwrap()).unwrap();
    for fault in faults_at(Endpoint::Jwks) {
        party.idp.set_fault(Endpoint::Jwks, fault);
        let jwks = json(party.http.get(party.endpoint("jwks_uri")).send().await.unwrap()).await;
        let keys = jwks["keys"].as_array().cloned().unwrap_or_default();
        let named: Vec<&Value> = keys.iter().filter(|key| key["kid"] == right_key["kid"]).collect();
        let last = keys.last();
        use OpenIdFault as F;
        let right = match fault {
            F::KeysEmpty => jwks == json!({ "keys": [] }),
            F::KeysMissing => jwks == json!({}),
            F::KeysNoList => jwks["keys"].is_object(),
            F::KeysForEncryption => keys.len() == 1 && keys[0]["use"] == "enc",
            F::KeysForOtherOperations => keys[0]["key_ops"][0] == "encrypt" && keys[0].get("use").is_none(),
            F::KeysOtherAlgorithm => keys[0]["alg"] == "ES384",
            F::KeysOfStranger => named.len() == 1 && token.verify_with(named[0]).is_err(),
            F::KeysDuplicateKid => {
                named.len() == 2
                    && token.verify_with(named[0]).is_err()
                    && token.verify_with(named[1]).is_ok()
            }
            F::KeysSymmetric => named.len() == 1 && named[0]["kty"] == "oct" && named[0]["k"].is_string(),
            F::KeysUnknownType | F::KeysMalformedBeside => keys.len() == 5 && last == Some(&right_key),
            F::KeysNamingTrap => {
                named[0]["x5u"].as_str().unwrap().ends_with("/trap/certificate")
                    && token.verify_with(named[0]).is_ok()
            }
            F::KeysTenThousand => keys.len() == 10_001 && last == Some(&right_key),
            other => panic!("`{}` has no test", other.name()),
        };
        assert!(right, "{}: {} keys", fault.name(), keys.len());
        party.idp.clear_faults();
    }
}

#[tokio::test]
async fn every_fault_of_userinfo_is_what_its_name_says() {
    let party = quick().await;
    for fault in faults_at(Endpoint::UserInfo) {
        let tokens = party.tokens("octavia", SCOPE).await;
        party.idp.set_fault(Endpoint::UserInfo, fault);
        let answer = party.userinfo(tokens["access_token"].as_str().unwrap()).send().await.unwrap();
        let (status, kind) = (answer.status(), answer.headers()["content-type"].to_str().unwrap().to_owned());
        let text = answer.text().await.unwrap();
        match fault {
            OpenIdFault::UserinfoDenied => assert_eq!(status, 401),
            OpenIdFault::UserinfoList => assert!(text.starts_with("[{\"") && text.ends_with("}]")),
            OpenIdFault::UserinfoSigned => {
                assert_eq!(kind, "application/jwt");
                let token = Token::read(&text).unwrap();
                token.verify_with(&party.jwks().await[0]).unwrap();
                assert_eq!(
                    (&token.claims["sub"], &token.claims["aud"]),
                    (&json!("demo|583231"), &json!(CLIENT_ID))
                );
            }
            OpenIdFault::SubOther => {
                let claims: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(
                    (&claims["sub"], &claims["name"]),
                    (&json!("demo|1024025"), &json!("Octavia Hubbard"))
                );
            }
            fault => {
                let verdict = judge_claims(&serde_json::from_str(&text).unwrap());
                let why = verdict.expect_err(fault.name());
                assert!(why.contains(claims_expected(fault).unwrap()), "{}: {why}", fault.name());
            }
        }
        party.idp.clear_faults();
    }
}

#[tokio::test]
async fn every_fault_of_the_callback_is_what_its_name_says() {
    let party = quick().await;
    for fault in faults_at(Endpoint::Authorize) {
        party.idp.set_fault(Endpoint::Authorize, fault);
        let url = party.authorize_url(&[]);
        assert_eq!(party.http.get(&url).send().await.unwrap().status(), 200, "the page is as ever");
        let callback = party.choose(&url, "octavia").await;
        party.idp.clear_faults();
        let (code, error) = (param(&callback, "code"), param(&callback, "error"));
        assert_eq!(param(&callback, "state").as_deref(), Some("st-123"));
        assert_eq!(param(&callback, "iss"), Some(party.idp.issuer()));
        match fault {
            OpenIdFault::CallbackServerError => assert_eq!(error.as_deref(), Some("server_error")),
            OpenIdFault::CallbackUnavailable => assert_eq!(error.as_deref(), Some("temporarily_unavailable")),
            OpenIdFault::CallbackScript => {
                assert!(param(&callback, "error_description").unwrap().starts_with("<script>"));
                assert!(param(&callback, "error_uri").unwrap().starts_with("javascript:"));
            }
            OpenIdFault::PkceRefused => assert_eq!(error.as_deref(), Some("invalid_request")),
            OpenIdFault::CallbackErrorBesideCode => assert!(code.is_some() && error.is_some()),
            OpenIdFault::CodeUsed | OpenIdFault::CodeForeign => {
                let (status, body) = party.exchange(&code.unwrap(), &[]).await;
                assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")));
                continue;
            }
            other => panic!("`{}` has no test", other.name()),
        }
        assert_eq!(code.is_some(), fault == OpenIdFault::CallbackErrorBesideCode);
    }
}

#[tokio::test]
async fn faults_of_the_wire_reach_every_endpoint() {
    let party = quick().await;
    let tokens = party.tokens("octavia", SCOPE).await;
    let access_token = tokens["access_token"].as_str().unwrap();
    let discovery = format!("{}/.well-known/openid-configuration", party.idp.base_url());
    party.idp.set_fault(Endpoint::All, Fault::DuplicateKeys);
    for (request, text) in [
        (party.http.get(&discovery), "{\"issuer\":\"https://issuer.example\","),
        (party.http.get(party.endpoint("jwks_uri")), "{\"keys\":[],"),
        (party.userinfo(access_token), "{\"sub\":\"another\","),
    ] {
        let body = request.send().await.unwrap().text().await.unwrap();
        assert!(body.starts_with(text) && body[text.len()..].contains(&text[1..6]), "{body}");
    }
    party.idp.set_fault(Endpoint::All, Fault::EchoSecret);
    let body = party.userinfo(access_token).send().await.unwrap().text().await.unwrap();
    assert!(body.contains(&party.secret), "{body}");
    party.idp.set_fault(Endpoint::All, Fault::ServerError);
    for request in
        [party.http.get(&discovery), party.http.get(party.endpoint("jwks_uri")), party.userinfo(access_token)]
    {
        assert_eq!(request.send().await.unwrap().status(), 500);
    }
    for fault in
        [Fault::NulInName, Fault::HugeName, Fault::ScriptAvatar, Fault::ControlLogin, Fault::InvalidUtf8]
    {
        party.idp.set_fault(Endpoint::UserInfo, fault);
        let body = party.userinfo(access_token).send().await.unwrap().bytes().await.unwrap();
        assert_ne!(serde_json::from_slice::<Value>(&body).ok(), Some(party_claims()), "{fault}");
    }
}

fn party_claims() -> Value {
    json!({ "sub": "demo|583231" })
}

#[tokio::test]
#[should_panic(expected = "fault `iss-wrong` at `token` does nothing as `github`")]
async fn refuses_a_fault_of_an_openid_provider_as_github() {
    crate::relying_party::RelyingParty::start().await.idp.set_fault(Endpoint::Token, OpenIdFault::IssWrong);
}
