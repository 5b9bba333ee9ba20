//! Every fault that only an OpenID provider can have, as a strict relying party finds it.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use vestibule_demo_idp::{Algorithm, Endpoint, Fault, OpenIdFault, OpenIdOptions, Options, Personality};

use crate::openid_judge::{Judge, Token, judge_claims};
use crate::openid_party::OpenIdParty;
use crate::relying_party::{CLIENT_ID, json, param};

const NOW: u64 = 1_700_000_000;
const SCOPE: &str = "openid profile email groups";

async fn start(personality: Personality, algorithms: &[Algorithm]) -> OpenIdParty {
    let mut options = Options::of(personality);
    options.openid.algorithms = algorithms.to_vec();
    let party = OpenIdParty::start_with(options).await;
    party.idp.stop_clock_at(Duration::from_secs(NOW));
    party
}

/// ES256, whose keys are made in no time.
async fn quick() -> OpenIdParty {
    start(Personality::Oidc, &[Algorithm::Es256]).await
}

/// The token answer of octavia under a fault, and what the judge says.
async fn judged(party: &OpenIdParty, fault: OpenIdFault) -> (Value, Result<Token, String>) {
    party.idp.set_fault(Endpoint::Token, fault);
    let scope = if party.idp.personality() == Personality::GitLab { "openid email" } else { SCOPE };
    let tokens = party.tokens("octavia", scope).await;
    let text = tokens["id_token"].as_str().map(str::to_owned);
    let verdict = match text {
        None => Err(format!("the ID token is {}", tokens["id_token"])),
        Some(text) => judge(party, &tokens, &text).await,
    };
    party.idp.clear_faults();
    (tokens, verdict)
}

async fn judge(party: &OpenIdParty, tokens: &Value, text: &str) -> Result<Token, String> {
    let judge = Judge {
        issuer: &party.idp.issuer(),
        algorithms: party.metadata["id_token_signing_alg_values_supported"].as_array().unwrap(),
        jwks: &party.jwks().await,
        access_token: tokens["access_token"].as_str().unwrap(),
        now: NOW,
    };
    judge.judge(text)
}

/// What is wrong with the token under each fault; empty where nothing is.
fn expected(fault: OpenIdFault) -> Option<&'static str> {
    use OpenIdFault as F;
    Some(match fault {
        F::PkceRefused => return None,
        F::TokenTypeMissing | F::TokenTypeMac => "",
        F::AudListOfOne | F::KidMissing | F::RotatedBefore => "",
        // Right in itself: only userinfo, or the person, knows better.
        F::IdTokenOtherUser | F::SubOther => "",
        F::IdTokenMissing | F::IdTokenNull => "the ID token is null",
        F::IdTokenNumber => "the ID token is 1",
        F::IdTokenEmpty => "1 parts",
        F::IdTokenGarbage => "not base64url",
        F::IdTokenFourParts => "4 parts",
        F::IdTokenEncrypted => "5 parts",
        F::IdTokenPadded => "not base64url",
        F::IdTokenOtherClient | F::AudWrong => "`aud` is \"demo-client-2\"",
        F::IdTokenOtherIssuer => "0 keys fit",
        F::AccessTokenAsIdToken | F::HeaderTyp => "`typ` is \"at+jwt\"",
        F::IssWrong => "`iss` is \"https://issuer.example\"",
        F::IssMissing => "`iss` is null",
        F::IssSlash => "/\"",
        F::IssList => "`iss` is [",
        F::AudMissing => "`aud` is null",
        F::AudStrangerBeside => "`aud` is [\"demo-client-1\",\"demo-client-2\"]",
        F::AudEmptyList => "`aud` is []",
        F::AudNumber => "`aud` is 1",
        F::AzpForeign => "`azp` is \"demo-client-2\"",
        F::NonceMissing => "`nonce` is null",
        F::NonceWrong => "`nonce` is \"a-nonce-that-nobody-sent\"",
        F::SignatureFlipped | F::SignatureMissing | F::SignatureShort | F::SignatureOfStranger => {
            "the signature is wrong"
        }
        F::AlgNone => "`alg` is \"none\"",
        F::AlgNoneMixedCase => "`alg` is \"nOnE\"",
        F::AlgMissing => "`alg` is null",
        F::AlgHs256Pem | F::AlgHs256Jwk | F::AlgHs256Secret => "`alg` is \"HS256\"",
        F::AlgUnlisted => "`alg` is \"RS512\"",
        F::AlgOtherFamily => "`alg`",
        F::KidUnknown | F::KidRandom | F::KidNumber | F::RotatedAfter => "0 keys fit",
        F::KidMissingSeveral => "2 keys fit",
        F::Rsa512 => "512 bits",
        F::HeaderJku | F::HeaderJkuBeside => "`jku` is in the header",
        F::HeaderJwk => "`jwk` is in the header",
        F::HeaderX5u => "`x5u` is in the header",
        F::HeaderCrit => "`crit`",
        F::Expired => "`exp` is past",
        F::ExpMissing => "`exp` is null",
        F::ExpText => "`exp` is \"1700003600\"",
        F::ExpOverflow => "number out of range",
        F::NbfFuture => "`nbf` is to come",
        F::IatMissing => "`iat` is null",
        F::IatFuture | F::IatAncient => "`iat` is far off",
        F::AtHashWrong => "`at_hash` is another token's",
        F::PayloadNotJson => "payload: EOF",
        F::PayloadList => "`iss` is null",
        F::PayloadNotUtf8 => "payload: invalid unicode",
        F::PayloadDeep => "recursion limit",
        F::PayloadDuplicateSub => "`sub` is there twice",
        other => return claims_expected(other),
    })
}

fn claims_expected(fault: OpenIdFault) -> Option<&'static str> {
    use OpenIdFault as F;
    Some(match fault {
        F::SubMissing | F::SubNull => "`sub` is null",
        F::SubEmpty => "`sub` is 0 bytes",
        F::SubNumber => "`sub` is 583231",
        F::SubLong => "`sub` is 256 bytes",
        F::SubWithNul => "holds NUL",
        F::SubOther => "",
        F::EmailVerifiedText => "`email_verified` is \"true\"",
        F::EmailVerifiedOne => "`email_verified` is 1",
        F::EmailVerifiedMissing => "`email_verified` is null",
        F::EmailNumber => "`email` is 1",
        F::EmailTwoAts => "`email` is a@evil.example@example.org",
        F::GroupsMissing | F::GroupsText | F::GroupsMixed => "the groups are no list of text",
        _ => return None,
    })
}

fn faults_at(endpoint: Endpoint) -> impl Iterator<Item = OpenIdFault> {
    OpenIdFault::ALL.iter().copied().filter(move |fault| fault.endpoints().contains(&endpoint))
}

/// Each fault of ID tokens, by one algorithm.
async fn meet_all(party: &OpenIdParty) {
    let mut wrong = Vec::new();
    for fault in faults_at(Endpoint::Token) {
        let Some(expected) = expected(fault) else { continue };
        let (_, verdict) = judged(party, fault).await;
        let right = match &verdict {
            Ok(_) => expected.is_empty(),
            Err(why) => !expected.is_empty() && why.contains(expected),
        };
        if !right {
            wrong.push(format!(
                "{}: {:?}, not {expected:?}",
                fault.name(),
                verdict.map(|token| token.claims)
            ));
        }
    }
    assert!(judged(party, OpenIdFault::TokenTypeMissing).await.1.is_ok(), "nothing of them is left");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(party.idp.requests_to(Endpoint::Trap).is_empty());
}

#[tokio::test]
async fn every_fault_of_an_id_token_is_what_its_name_says_in_es256() {
    meet_all(&start(Personality::Oidc, &[Algorithm::Es256, Algorithm::Rs256]).await).await;
}

#[tokio::test]
async fn every_fault_of_an_id_token_is_what_its_name_says_in_rs256() {
    meet_all(&start(Personality::Oidc, &[Algorithm::Rs256, Algorithm::Es256]).await).await;
}

#[tokio::test]
async fn every_fault_of_an_id_token_is_what_its_name_says_at_gitlab() {
    meet_all(&start(Personality::GitLab, &[Algorithm::Rs256]).await).await;
}

#[test]
fn every_fault_is_met_by_one_of_these_tests() {
    for fault in OpenIdFault::ALL {
        let token = fault.endpoints().contains(&Endpoint::Token);
        let tested = !token || expected(*fault).is_some() || *fault == OpenIdFault::PkceRefused;
        assert!(tested, "{}", fault.name());
        assert!(Fault::ALL.contains(&Fault::OpenId(*fault)));
        assert!(fault.endpoints().iter().all(|endpoint| Personality::Oidc.endpoints().contains(endpoint)));
    }
    let names: std::collections::HashSet<&str> = Fault::ALL.iter().map(|fault| fault.name()).collect();
    assert_eq!(names.len(), Fault::ALL.len(), "two faults have one name");
}

#[tokio::test]
async fn spoils_what_stands_beside_the_id_token() {
    let party = quick().await;
    let (tokens, _) = judged(&party, OpenIdFault::TokenTypeMissing).await;
    assert!(tokens.get("token_type").is_none());
    let (tokens, _) = judged(&party, OpenIdFault::TokenTypeMac).await;
    assert_eq!(tokens["token_type"], "mac");
    let (tokens, _) = judged(&party, OpenIdFault::IdTokenMissing).await;
    assert!(tokens.get("id_token").is_none() && tokens["access_token"].is_string());
    let (tokens, _) = judged(&party, OpenIdFault::IdTokenNull).await;
    assert!(tokens.get("id_token").is_some());
    for (fault, text) in [(Fault::ExpiresNegative, "-1"), (Fault::ExpiresOverflow, "1e400")] {
        party.idp.set_fault(Endpoint::Token, fault);
        let code = party.code_for("octavia", "openid").await;
        let request = party.token_request(&code, &[]).header("authorization", party.basic());
        let body = request.send().await.unwrap().text().await.unwrap();
        assert!(body.contains(&format!("\"expires_in\":{text},")), "{body}");
    }
}

/// The signature of what must not be believed is right all the same: a relying party that follows the header finds so.
#[tokio::test]
async fn forged_tokens_are_signed_by_the_keys_that_their_headers_offer() {
    let party = quick().await;
    let trap = format!("{}/trap/keys", party.idp.base_url());
    let stranger = json(party.http.get(&trap).send().await.unwrap()).await["keys"][0].clone();
    assert_eq!(party.idp.requests_to(Endpoint::Trap).len(), 1, "who asks there is seen");
    let published = party.jwks().await[0].clone();
    for fault in [OpenIdFault::HeaderJku, OpenIdFault::HeaderX5u, OpenIdFault::HeaderJwk] {
        let (tokens, _) = judged(&party, fault).await;
        let token = Token::read(tokens["id_token"].as_str().unwrap()).unwrap();
        token.verify_with(&stranger).unwrap();
        assert!(token.verify_with(&published).is_err());
        if fault == OpenIdFault::HeaderJku {
            assert_eq!(token.header["jku"], trap);
        }
        if fault == OpenIdFault::HeaderJwk {
            assert_eq!(token.header["jwk"], stranger);
        }
        if fault == OpenIdFault::HeaderX5u {
            let answer = party.http.get(token.header["x5u"].as_str().unwrap()).send().await.unwrap();
            assert!(answer.text().await.unwrap().starts_with("-----BEGIN PUBLIC KEY-----\n"));
        }
    }
    for fault in [
        OpenIdFault::HeaderJkuBeside,
        OpenIdFault::HeaderTyp,
        OpenIdFault::HeaderCrit,
        OpenIdFault::KidUnknown,
        OpenIdFault::IssWrong,
        OpenIdFault::IdTokenOtherClient,
        OpenIdFault::AccessTokenAsIdToken,
    ] {
        let (tokens, _) = judged(&party, fault).await;
        let token = Token::read(tokens["id_token"].as_str().unwrap()).unwrap();
        token.verify_with(&published).unwrap_or_else(|why| panic!("{}: {why}", fault.name()));
    }
    let (tokens, _) = judged(&party, OpenIdFault::AccessTokenAsIdToken).await;
    let token = Token::read(tokens["id_token"].as_str().unwrap()).unwrap();
    assert_eq!((&token.claims["client_id"], &token.claims["aud"]), (&json!(CLIENT_ID), &json!(CLIENT_ID)));
}

#[tokio::test]
async fn hs256_is_keyed_with_what_a_confused_verifier_would_take() {
    use aws_lc_rs::hmac;
    for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
        let party = start(Personality::Oidc, &[algorithm]).await;
        let jwk = party.jwks().await[0].clone();
        let secret = |fault| {
            let jwk = jwk.to_string();
            match fault {
                OpenIdFault::AlgHs256Jwk => Some(jwk),
                OpenIdFault::AlgHs256Secret => Some(party.secret.clone()),
                _ => None,
            }
        };
        for fault in [OpenIdFault::AlgHs256Jwk, OpenIdFault::AlgHs256Secret, OpenIdFault::AlgHs256Pem] {
            let (tokens, _) = judged(&party, fault).await;
            let token = Token::read(tokens["id_token"].as_str().unwrap()).unwrap();
            assert_eq!(token.header["kid"], jwk["kid"], "the id of the public key");
            let secret = secret(fault).unwrap_or_else(|| pem(&jwk));
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
            hmac::verify(&key, token.input.as_bytes(), &token.signature)
                .unwrap_or_else(|_| panic!("{} with {secret}", fault.name()));
        }
    }
}

/// The public key of a JWK as PEM, put together by hand (RFC 5280 §4.1, RFC 8017 §A.1.1, RFC 5480 §2).
fn pem(jwk: &Value) -> String {
    let member = |name: &str| BASE64URL_NOPAD.decode(jwk[name].as_str().unwrap().as_bytes()).unwrap();
    let der = |tag: u8, content: Vec<u8>| {
        let length = match content.len() {
            n if n < 128 => vec![u8::try_from(n).unwrap()],
            n => {
                let bytes: Vec<u8> = n.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
                [vec![0x80 | u8::try_from(bytes.len()).unwrap()], bytes].concat()
            }
        };
        [vec![tag], length, content].concat()
    };
    let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
    let (algorithm, key) = if jwk["kty"] == "RSA" {
        let number = |bytes: Vec<u8>| der(2, if bytes[0] > 127 { [vec![0], bytes].concat() } else { bytes });
        let key = der(0x30, [number(member("n")), number(member("e"))].concat());
        (hex("300d06092a864886f70d0101010500"), key)
    } else {
        (hex("301306072a8648ce3d020106082a8648ce3d030107"), [vec![4], member("x"), member("y")].concat())
    };
    let whole = der(0x30, [algorithm, der(3, [vec![0], key].concat())].concat());
    let text = data_encoding::BASE64.encode(&whole);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

#[tokio::test]
async fn a_flood_of_keys_is_another_kid_in_each_token() {
    let party = quick().await;
    let mut kids = std::collections::HashSet::new();
    for _ in 0..5 {
        let (tokens, _) = judged(&party, OpenIdFault::KidRandom).await;
        let token = Token::read(tokens["id_token"].as_str().unwrap()).unwrap();
        kids.insert(token.header["kid"].as_str().unwrap().to_owned());
    }
    assert_eq!(kids.len(), 5);
}

#[tokio::test]
async fn what_a_fault_publishes_stays_while_it_is_set() {
    let party = start(Personality::Oidc, &[Algorithm::Es256, Algorithm::Rs256]).await;
    party.idp.set_fault_times(Endpoint::Token, OpenIdFault::Rsa512, 1);
    let tokens = party.tokens("octavia", SCOPE).await;
    let verdict = judge(&party, &tokens, tokens["id_token"].as_str().unwrap()).await;
    assert!(verdict.unwrap_err().contains("512 bits"), "the key is published after the one token too");
    let tokens = party.tokens("octavia", SCOPE).await;
    judge(&party, &tokens, tokens["id_token"].as_str().unwrap()).await.unwrap();
    party.idp.clear_faults();
    assert_eq!(party.jwks().await.len(), 2);
}

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
async fn refuses_a_code_verifier_where_told_to() {
    let party = quick().await;
    party.idp.set_fault(Endpoint::Token, OpenIdFault::PkceRefused);
    let code = party.code_for("octavia", "openid").await;
    let (status, body) = party.exchange(&code, &[]).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_request")));
    assert_eq!(party.exchange(&code, &[]).await.1["error"], "invalid_grant", "the code is gone");
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
