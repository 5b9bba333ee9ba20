//! The relying party's test modules of the OpenID conformance suite, rebuilt by name from what its plans "Basic" (14 modules)
//! and "Config" (6 modules, one of them in both) say that they test, and a few of the modules beside those plans. Modelled on
//! them: the suite itself is not run, and nothing is certified.
//!
//! Each runs against `oidc` and against `gitlab`. Names are the suite's, with `oidcc-client-test-` left out and `_` for `-`.
//! Where the suite lets a client choose (an unsigned token, several keys without an id), this server refuses.

use vestibule::web::pages::ErrorKind;
use vestibule_demo_idp::{Algorithm, Endpoint, OpenIdFault, Personality, TokenAuth};

use super::rig::{Reached, Rig, Wanted, cause, heard, listen};
use crate::database::{Place, everywhere};
use crate::faults::check_error_page;
use crate::world::{CLIENT_ID, CLIENT_SECRET};

const BOTH: [Personality; 2] = [Personality::Oidc, Personality::GitLab];

/// A client of this provider, which asks for the user info as well.
fn client(who: Personality, place: Place) -> Wanted {
    let settings = match who {
        Personality::Oidc => "userinfo = \"always\"",
        _ => "allowed_groups = [\"acme\"]",
    };
    Wanted::new(who, place).settings(settings)
}

/// A sign-in under this fault ends with a page of this kind, with nothing stored and the cause in the log.
async fn rejects(rig: &Rig, at: Endpoint, fault: OpenIdFault, kind: ErrorKind, named: &str) {
    listen();
    heard();
    let before = rig.rows().await;
    rig.idp.set_fault(at, fault);
    let reached = rig.walk("octavia").await;
    rig.idp.clear_faults();
    let (Reached::End(page) | Reached::Begin(page)) = reached else {
        panic!("{}: {reached:?}", fault.name())
    };
    let log = heard();
    check_error_page(&page, kind)
        .unwrap_or_else(|why| panic!("{} {}: {why}\n{log}", rig.name(), fault.name()));
    let cause = cause(&log, rig.name()).unwrap_or_else(|| panic!("{}: nothing in {log}", fault.name()));
    assert!(cause.contains(named), "{} {}: {cause}", rig.name(), fault.name());
    assert_eq!(rig.rows().await, before, "{}", fault.name());
}

/// The ID token is rejected, and the user info is not asked for.
async fn rejects_the_id_token(place: Place, fault: OpenIdFault, named: &str) {
    for who in BOTH {
        let rig = client(who, place).start().await;
        rejects(&rig, Endpoint::Token, fault, ErrorKind::ProviderBadAnswer, named).await;
        assert_eq!((rig.asked(Endpoint::UserInfo), rig.asked(Endpoint::User)), (0, 0), "{who}");
    }
}

everywhere! {
    // Basic.

    async fn oidcc_client_test(place) {
        for who in BOTH {
            let rig = client(who, place).start().await;
            rig.sign_in("octavia").await;
            let asked = &rig.idp.requests_to(Endpoint::Authorize)[0];
            assert_eq!(asked.query_param("response_type").as_deref(), Some("code"));
            assert!(asked.query_param("scope").unwrap().split(' ').any(|scope| scope == "openid"));
            assert!(asked.query_param("nonce").unwrap().len() >= 22 && asked.query_param("state").unwrap().len() >= 22);
            assert_eq!(asked.query_param("redirect_uri").unwrap(), format!("{}/auth/{}/callback", rig.world.url, rig.name()));
        }
    }

    async fn invalid_iss(place) {
        rejects_the_id_token(place, OpenIdFault::IssWrong, "`iss`").await;
    }

    async fn missing_sub(place) {
        rejects_the_id_token(place, OpenIdFault::SubMissing, "`sub`").await;
    }

    async fn invalid_aud(place) {
        rejects_the_id_token(place, OpenIdFault::AudWrong, CLIENT_ID).await;
    }

    async fn missing_iat(place) {
        rejects_the_id_token(place, OpenIdFault::IatMissing, "`iat`").await;
    }

    async fn kid_absent_single_jwks(place) {
        for who in BOTH {
            let rig = client(who, place).start().await;
            rig.idp.set_fault(Endpoint::Token, OpenIdFault::KidMissing);
            rig.sign_in("octavia").await;
        }
    }

    async fn kid_absent_multiple_jwks(place) {
        // The suite takes either answer; one that is tried against all keys could be anybody's.
        rejects_the_id_token(place, OpenIdFault::KidMissingSeveral, "`kid`").await;
    }

    async fn idtoken_sig_rs256(place) {
        for who in BOTH {
            let mut wanted = client(who, place);
            wanted.options.openid.algorithms = vec![Algorithm::Rs256];
            wanted.start().await.sign_in("octavia").await;
        }
    }

    async fn idtoken_sig_none(place) {
        for fault in [OpenIdFault::AlgNone, OpenIdFault::AlgNoneMixedCase] {
            rejects_the_id_token(place, fault, "").await;
        }
    }

    async fn invalid_sig_rs256(place) {
        for fault in [OpenIdFault::SignatureFlipped, OpenIdFault::SignatureOfStranger, OpenIdFault::SignatureMissing] {
            rejects_the_id_token(place, fault, "").await;
        }
    }

    async fn userinfo_invalid_sub(place) {
        for who in BOTH {
            let rig = client(who, place).start().await;
            rejects(&rig, Endpoint::UserInfo, OpenIdFault::SubOther, ErrorKind::ProviderBadAnswer, "`sub`").await;
        }
    }

    async fn nonce_invalid(place) {
        for fault in [OpenIdFault::NonceWrong, OpenIdFault::NonceMissing] {
            rejects_the_id_token(place, fault, "`nonce`").await;
        }
    }

    async fn scope_userinfo_claims(place) {
        // What a scope asks for comes from the user info, and is used.
        let mut wanted = client(Personality::Oidc, place);
        wanted.options.openid.claims_in_id_token = false;
        let rig = wanted.start().await;
        rig.sign_in("octavia").await;
        let account = &rig.accounts().await[0];
        assert_eq!((account.1.as_deref(), account.3.as_deref(), account.4), (Some("octavia"), Some("octavia@example.org"), 1));
        let scope = rig.idp.requests_to(Endpoint::Authorize)[0].query_param("scope").unwrap();
        assert_eq!(scope, "openid profile email");

        let rig = client(Personality::GitLab, place).start().await;
        rig.sign_in("octavia").await;
        assert_eq!(rig.asked(Endpoint::UserInfo), 1);
    }

    async fn client_secret_basic(place) {
        for who in BOTH {
            let mut wanted = client(who, place);
            wanted.options.openid.token_auth = vec![TokenAuth::Basic];
            let rig = wanted.start().await;
            rig.sign_in("octavia").await;
            let asked = &rig.idp.requests_to(Endpoint::Token)[0];
            let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let credentials = format!("{}:{}", encoded(CLIENT_ID), encoded(CLIENT_SECRET));
            let basic = format!("Basic {}", data_encoding::BASE64.encode(credentials.as_bytes()));
            assert_eq!(asked.header("authorization"), Some(basic.as_str()));
            assert_eq!(asked.form_param("client_secret"), None);
        }
    }

    // Config.

    async fn discovery_openid_config(place) {
        let rig = client(Personality::Oidc, place).start().await;
        rig.sign_in("octavia").await;
        assert_eq!(rig.asked(Endpoint::Discovery), 1);
        // GitLab's endpoints are documented, and follow from the base URL: no document can move them.
        let rig = client(Personality::GitLab, place).start().await;
        rig.sign_in("octavia").await;
        assert_eq!(rig.asked(Endpoint::Discovery), 0);
    }

    async fn discovery_jwks_uri_keys(place) {
        for who in BOTH {
            let rig = client(who, place).start().await;
            rig.sign_in("octavia").await;
            rig.sign_in("octavia").await;
            assert_eq!(rig.asked(Endpoint::Jwks), 1, "{who}");
        }
    }

    async fn discovery_issuer_mismatch(place) {
        for fault in [OpenIdFault::MetadataWrongIssuer, OpenIdFault::MetadataIssuerSlash] {
            let rig = client(Personality::Oidc, place).start().await;
            rejects(&rig, Endpoint::Discovery, fault, ErrorKind::ProviderMisconfigured, "by its own metadata").await;
            assert_eq!(rig.asked(Endpoint::Authorize) + rig.asked(Endpoint::Token), 0);
            let rig = client(Personality::GitLab, place).start().await;
            rig.idp.set_fault(Endpoint::Discovery, fault);
            rig.sign_in("octavia").await;
        }
    }

    async fn signing_key_rotation(place) {
        for who in BOTH {
            let rig = client(who, place).start().await;
            rig.sign_in("octavia").await;
            rig.idp.rotate_keys(true);
            rig.sign_in("octavia").await;
            assert_eq!(rig.asked(Endpoint::Jwks), 2, "{who}");
        }
    }

    async fn signing_key_rotation_just_before_signing(place) {
        for who in BOTH {
            let rig = client(who, place).start().await;
            rig.sign_in("octavia").await;
            rig.idp.set_fault(Endpoint::Token, OpenIdFault::RotatedBefore);
            rig.sign_in("octavia").await;
            assert_eq!(rig.asked(Endpoint::Jwks), 2, "{who}");
        }
    }

    // Beside the plans.

    async fn invalid_sig_es256(place) {
        // GitLab signs with RS256 alone, so one with ES256 is none of its tokens.
        for who in BOTH {
            let mut wanted = client(who, place);
            wanted.options.openid.algorithms = vec![Algorithm::Es256];
            let rig = wanted.start().await;
            rejects(&rig, Endpoint::Token, OpenIdFault::SignatureFlipped, ErrorKind::ProviderBadAnswer, "").await;
        }
    }

    async fn invalid_sig_hs256(place) {
        for fault in [OpenIdFault::AlgHs256Secret, OpenIdFault::AlgHs256Pem, OpenIdFault::AlgHs256Jwk] {
            rejects_the_id_token(place, fault, "").await;
        }
    }

    async fn userinfo_bearer_header(place) {
        for who in BOTH {
            let rig = client(who, place).start().await;
            rig.sign_in("octavia").await;
            let asked = &rig.idp.requests_to(Endpoint::UserInfo)[0];
            assert!(asked.header("authorization").is_some_and(|value| value.starts_with("Bearer ")), "{who}");
            assert!(asked.query.is_empty() && asked.body.is_empty(), "{who}");
        }
    }
}
