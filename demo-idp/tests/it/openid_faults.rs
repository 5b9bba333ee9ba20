//! Every fault that only an OpenID provider can have, as a strict relying party finds it.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use vestibule_demo_idp::{Algorithm, Endpoint, Fault, OpenIdFault, Options, Personality};

use crate::openid_judge::{Judge, Token};
use crate::openid_party::OpenIdParty;
use crate::relying_party::{CLIENT_ID, json};

mod published;

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

#[tokio::test]
async fn refuses_a_code_verifier_where_told_to() {
    let party = quick().await;
    party.idp.set_fault(Endpoint::Token, OpenIdFault::PkceRefused);
    let code = party.code_for("octavia", "openid").await;
    let (status, body) = party.exchange(&code, &[]).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_request")));
    assert_eq!(party.exchange(&code, &[]).await.1["error"], "invalid_grant", "the code is gone");
}
