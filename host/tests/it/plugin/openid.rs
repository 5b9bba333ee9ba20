//! Metadata and keys of an issuer, through a real library: what is fetched when, what it permits, and which tokens hold.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use vestibule::plugin::{
    CreateError, Limits, OperationError, OperationErrorKind as Kind, Provider, To, TransportKind,
};
use vestibule_abi::Sensitive;
use vestibule_abi::record::CompleteRequest;

use super::idp::{Idp, Reply, Request, answer, ok};
use super::rig::{CALLBACK, Rig, begin, log, on_each_transport, run};

/// The time that the rig's clock starts at, in seconds.
const NOW: i64 = 1_700_000_000;
const COOL_DOWN: Duration = Duration::from_secs(30);
const OLD: Duration = Duration::from_secs(11 * 60);
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// What an issuer answers now.
#[derive(Clone, Default)]
struct State {
    /// Members that replace those of its metadata; `null` takes one away.
    metadata: Value,
    keys: Vec<Value>,
    /// How it answers whatever it is asked.
    broken: Option<Vec<u8>>,
    reset: bool,
    /// Whether it takes requests and answers none.
    hang: bool,
}

struct Issuer {
    idp: Idp,
    state: Arc<Mutex<State>>,
}

impl Issuer {
    async fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let idp = Idp::start(move |request| reply(request, &shared.lock().unwrap())).await;
        Self { idp, state }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    fn fetched(&self, path: &str) -> usize {
        self.idp.requests().iter().filter(|request| request.path() == path).count()
    }

    fn rig(&self, transport: TransportKind) -> Rig {
        rig(transport, &self.idp.url)
    }
}

fn reply(request: &Request, state: &State) -> Reply {
    if state.reset {
        return Reply::Reset(Vec::new());
    }
    if state.hang {
        return Reply::Hang(Vec::new());
    }
    if let Some(bytes) = &state.broken {
        return Reply::Bytes(bytes.clone());
    }
    let own = format!("http://{}", request.header("host").unwrap());
    let body = match request.path() {
        DISCOVERY => {
            let mut metadata = json!({
                "issuer": own,
                "authorization_endpoint": format!("{own}/authorize"),
                "token_endpoint": format!("{own}/token"),
                "userinfo_endpoint": format!("{own}/userinfo"),
                "jwks_uri": format!("{own}/keys"),
            });
            let members = state.metadata.as_object().cloned().unwrap_or_default();
            metadata.as_object_mut().unwrap().extend(members);
            metadata
        }
        "/keys" => json!({ "keys": state.keys }),
        _ => json!({}),
    };
    Reply::Bytes(ok("application/json", body.to_string().as_bytes()))
}

fn rig(transport: TransportKind, issuer: &str) -> Rig {
    let mut rig = Rig { plugin: "asking", ..Rig::new(transport, "") };
    rig.settings.clear();
    rig.setting("issuer", issuer)
}

/// A key of an issuer.
struct Key(EcdsaKeyPair, &'static str);

impl Key {
    fn new(kid: &'static str) -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(), kid)
    }

    fn jwk(&self) -> Value {
        let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
        let encode = |bytes| BASE64URL_NOPAD.encode(bytes);
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "kid": self.1, "x": encode(x), "y": encode(y) })
    }

    #[expect(clippy::disallowed_methods, reason = "aws-lc-rs signs with a source of its own kind only")]
    fn token(&self, issuer: &str, kid: &str) -> String {
        let claims = json!({
            "iss": issuer, "aud": "client", "sub": "42", "nonce": "NONCE", "iat": NOW, "exp": NOW + 86_400,
            "large": 1,
        });
        // More digits than any integer type has.
        let claims = claims.to_string().replace("\"large\":1", "\"large\":100000000000000000001");
        let header = json!({ "alg": "ES256", "kid": kid });
        let encode = |text: String| BASE64URL_NOPAD.encode(text.as_bytes());
        let message = format!("{}.{}", encode(header.to_string()), encode(claims));
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }
}

/// `complete` with parameters, and what it put into the name.
async fn complete(provider: &Provider, params: &[(&str, &str)]) -> Result<String, OperationError> {
    let params = params.iter().copied().chain([("code", "CODE")]);
    let request = CompleteRequest {
        params: params.map(|(name, value)| (name.to_owned(), Sensitive::from(value))).collect(),
        carry: None,
        redirect_uri: CALLBACK.to_owned(),
        nonce: Some(Sensitive::from("NONCE")),
        code_verifier: Some(Sensitive::from("VERIFIER")),
    };
    provider.complete(request).await.map(|completed| completed.account.name.unwrap_or_default())
}

async fn verify(provider: &Provider, token: &str) -> Result<String, OperationError> {
    complete(provider, &[("token", token)]).await
}

#[test]
fn a_provider_is_ready_while_its_issuer_is_down_and_comes_back_by_itself() {
    on_each_transport(async |transport| {
        let issuer = Issuer::start().await;
        issuer.change(|state| state.reset = true);
        let rig = issuer.rig(transport);
        let clock = Arc::clone(&rig.clock);
        let provider = rig.ready().await;
        for _ in 0..20 {
            let error = begin(&provider, "").await.unwrap_err();
            assert_eq!(error.kind, Kind::ProviderDown, "{error}");
            assert!(error.message.contains(&issuer.idp.url), "{error}");
        }
        assert_eq!(issuer.fetched(DISCOVERY), 1);
        issuer.change(|state| state.reset = false);
        assert!(begin(&provider, "").await.is_err());
        clock.advance(COOL_DOWN);
        let To::Redirect(url) = begin(&provider, "").await.unwrap().to else { panic!("no redirect") };
        assert!(url.as_str().starts_with(&issuer.idp.at("/authorize?")), "{url}");
        assert_eq!(issuer.fetched(DISCOVERY), 2);
    });
}

#[test]
fn metadata_is_asked_for_at_one_place_once_and_without_a_secret() {
    on_each_transport(async |transport| {
        let issuer = Issuer::start().await;
        let provider = Arc::new(issuer.rig(transport).ready().await);
        assert!(issuer.idp.requests().is_empty());
        let waiting: Vec<_> = (0..20)
            .map(|_| {
                let provider = Arc::clone(&provider);
                tokio::spawn(async move { begin(&provider, "").await.map(drop) })
            })
            .collect();
        for begun in waiting {
            begun.await.unwrap().unwrap();
        }
        let requests = issuer.idp.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        assert_eq!(requests[0].line, format!("GET {DISCOVERY} HTTP/1.1"));
        for header in ["authorization", "cookie", "referer"] {
            assert_eq!(requests[0].header(header), None);
        }
    });
}

/// Begins what has to wait, as soon as there is a place for it. It goes no further before it is polled again.
async fn waiting<T, F>(start: impl Fn() -> F) -> Pin<Box<F>>
where
    F: Future<Output = Result<T, OperationError>>,
{
    loop {
        let mut begun = Box::pin(start());
        let ended = tokio::select! {
            biased;
            ended = &mut begun => Some(ended),
            () = std::future::ready(()) => None,
        };
        match ended {
            None => return begun,
            Some(Err(error)) if matches!(error.kind, Kind::Busy { .. }) => tokio::task::yield_now().await,
            Some(_) => panic!("it did not wait"),
        }
    }
}

#[test]
fn those_who_wait_for_metadata_are_no_more_than_the_operations_that_may_run() {
    on_each_transport(async |transport| {
        let issuer = Issuer::start().await;
        issuer.change(|state| state.hang = true);
        let provider = issuer.rig(transport).limits(|l| l.operations = 2).ready().await;
        let beginning = waiting(|| begin(&provider, "")).await;
        let asking = waiting(|| provider.issuer()).await;
        for error in [
            begin(&provider, "").await.map(drop).unwrap_err(),
            complete(&provider, &[]).await.map(drop).unwrap_err(),
            provider.issuer().await.map(drop).unwrap_err(),
        ] {
            assert!(matches!(error.kind, Kind::Busy { .. }), "{error}");
        }
        // Who goes away makes room.
        drop((beginning, asking));
        let _others = (waiting(|| complete(&provider, &[])).await, waiting(|| provider.issuer()).await);
        assert!(issuer.fetched(DISCOVERY) <= 1);
    });
}

#[test]
fn the_issuer_is_known_without_a_place_where_the_metadata_is_at_hand() {
    on_each_transport(async |transport| {
        let issuer = Issuer::start().await;
        let provider = issuer.rig(transport).limits(|l| l.operations = 1).ready().await;
        provider.issuer().await.unwrap();
        // What asks for nothing may be done before anybody has looked.
        issuer.change(|state| state.hang = true);
        let token = issuer.idp.at("/token");
        let params = [("post", &*token)];
        let _running = waiting(|| complete(&provider, &params)).await;
        assert!(matches!(complete(&provider, &[]).await.unwrap_err().kind, Kind::Busy { .. }));
        assert_eq!(provider.issuer().await.unwrap().unwrap().value, issuer.idp.url);
    });
}

#[test]
fn an_issuer_in_another_spelling_is_not_used_and_the_log_shows_both() {
    on_each_transport(async |transport| {
        let issuer = Issuer::start().await;
        issuer.change(|state| state.metadata = json!({ "issuer": "https://other.example/" }));
        let provider = issuer.rig(transport).ready().await;
        let error = begin(&provider, "").await.unwrap_err();
        assert_eq!(error.kind, Kind::BadSettings, "{error}");
        assert!(error.to_string().starts_with("the settings do not fit the provider: the issuer"), "{error}");
        let both = format!(
            "is `{}` by the settings, and `https://other.example/` by its own metadata",
            issuer.idp.url
        );
        assert!(error.message.contains(&both), "{error}");
        assert!(log().contains(&both));
        // Nothing of it holds: neither where the browser goes nor where the secret does.
        assert!(complete(&provider, &[("post", &issuer.idp.at("/token"))]).await.is_err());
        assert_eq!(issuer.fetched("/token"), 0);
    });
}

#[test]
fn metadata_that_cannot_be_used_is_an_error_with_its_reason() {
    run(async {
        let issuer = Issuer::start().await;
        let large = format!(r#"{{"issuer":"{}","a":"{}"}}"#, issuer.idp.url, "a".repeat(300 * 1024));
        let huge = "a".repeat(2 * 1024 * 1024);
        let deep = "[".repeat(100_000);
        for (broken, kind, why) in [
            (answer("404 Not Found", b"{}"), Kind::ProviderDown, "answered with status 404"),
            (answer("503 Service Unavailable", b"{}"), Kind::ProviderDown, "answered with status 503"),
            (
                answer("302 Found\r\nLocation: /elsewhere", b""),
                Kind::ProviderDown,
                "answered with status 302",
            ),
            (ok("text/html", b"<html>"), Kind::BadAnswer, "is no JSON object"),
            (ok("application/json", b"[]"), Kind::BadAnswer, "is no JSON object"),
            (ok("application/json", b"{}"), Kind::BadAnswer, "does not say its `issuer`"),
            (ok("application/json", large.as_bytes()), Kind::BadAnswer, "the limit is 262144"),
            (ok("application/json", huge.as_bytes()), Kind::BadAnswer, "a body of more than 1048576 bytes"),
            (ok("application/json", deep.as_bytes()), Kind::BadAnswer, "is nested too deeply"),
        ] {
            issuer.change(|state| state.broken = Some(broken));
            let provider = issuer.rig(TransportKind::InProcess).ready().await;
            let error = begin(&provider, "").await.unwrap_err();
            assert_eq!(error.kind, kind, "{error}");
            assert!(error.message.contains(why), "{why}: {error}");
        }
        issuer.change(|state| state.broken = None);
        for (member, value, why) in [
            (
                "token_endpoint",
                json!("http://idp.example/token"),
                "`token_endpoint`, `http://idp.example/token`, is not https",
            ),
            ("authorization_endpoint", json!("javascript:alert(1)"), "is not https"),
            ("userinfo_endpoint", json!(["https://idp.example"]), "`userinfo_endpoint` is no text"),
        ] {
            issuer.change(|state| state.metadata = json!({ member: value }));
            let provider = issuer.rig(TransportKind::InProcess).ready().await;
            let error = begin(&provider, "").await.unwrap_err();
            assert!(error.kind == Kind::BadAnswer && error.message.contains(why), "{error}");
        }
        assert!(issuer.idp.requests().iter().all(|request| request.path() == DISCOVERY));
    });
}

#[test]
fn an_issuer_that_hangs_costs_a_deadline_and_not_more() {
    run(async {
        let idp = Idp::start(|_| Reply::Hang(Vec::new())).await;
        let limits = |limits: &mut Limits| limits.request = Duration::from_millis(200);
        let provider = rig(TransportKind::InProcess, &idp.url).limits(limits).ready().await;
        for _ in 0..3 {
            let error = begin(&provider, "").await.unwrap_err();
            assert_eq!(error.kind, Kind::ProviderDown);
        }
        assert_eq!(idp.requests().len(), 1);
    });
}

#[test]
fn an_issuer_at_an_address_that_is_not_global_is_not_asked() {
    run(async {
        for (issuer, address) in [
            ("https://10.0.0.1", "10.0.0.1"),
            ("https://127.0.0.1:9/a", "127.0.0.1"),
            ("https://169.254.169.254/latest", "169.254.169.254"),
            ("https://2130706433:9", "127.0.0.1"),
            ("https://localhost:9", "127.0.0.1"),
        ] {
            let rig = Rig { loopback_allowed: false, ..rig(TransportKind::InProcess, issuer) };
            let error = begin(&rig.ready().await, "").await.unwrap_err();
            assert_eq!(error.kind, Kind::Forbidden, "{issuer}: {error}");
            assert!(error.message.contains(address) || error.message.contains("::1 is"), "{error}");
        }
        for issuer in ["http://127.0.0.1:9", "http://idp.example", "ftp://idp.example", "https://a.example?b"]
        {
            let rig = Rig { loopback_allowed: false, ..rig(TransportKind::InProcess, issuer) };
            let error = rig.create().await.unwrap_err();
            assert!(matches!(&error, CreateError::Inspect(why) if why.contains("the issuer")), "{error}");
        }
    });
}

#[test]
fn members_of_no_issuers_metadata_are_refused_when_the_provider_is_made() {
    on_each_transport(async |transport| {
        let error = rig(transport, "https://idp.example").setting("behaviour", "of_no_issuer").create().await;
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("the metadata's `token_endpoint`, and `metadata` does not say whose"),
            "{error}"
        );
    });
}

#[test]
fn a_secret_goes_where_the_metadata_says_and_nowhere_else() {
    on_each_transport(async |transport| {
        let (issuer, other) = (Issuer::start().await, Idp::saying("{}").await);
        let provider = issuer.rig(transport).ready().await;
        complete(&provider, &[("post", &issuer.idp.at("/token"))]).await.unwrap();
        let sent = issuer.idp.requests().pop().unwrap();
        assert!(sent.path() == "/token" && sent.body_text().starts_with("client_secret=canary-secret"));
        for url in
            [issuer.idp.at("/userinfo"), issuer.idp.at("/token/"), issuer.idp.at("/"), other.at("/token")]
        {
            let error = complete(&provider, &[("post", &url)]).await.unwrap_err();
            assert_eq!(error.kind, Kind::SecretLeak, "{url}: {error}");
        }
        assert_eq!(issuer.idp.requests().len(), 2);
        assert!(other.requests().is_empty());
    });
}

#[test]
fn places_follow_the_metadata_without_a_restart() {
    run(async {
        let issuer = Issuer::start().await;
        let rig = issuer.rig(TransportKind::InProcess);
        let clock = Arc::clone(&rig.clock);
        let provider = rig.ready().await;
        complete(&provider, &[("post", &issuer.idp.at("/token"))]).await.unwrap();
        issuer.change(|state| state.metadata = json!({ "token_endpoint": issuer.idp.at("/new/token") }));
        clock.advance(OLD);
        complete(&provider, &[("post", &issuer.idp.at("/new/token"))]).await.unwrap();
        let error = complete(&provider, &[("post", &issuer.idp.at("/token"))]).await.unwrap_err();
        assert_eq!(error.kind, Kind::SecretLeak, "{error}");
        assert_eq!(issuer.fetched(DISCOVERY), 2);
    });
}

#[test]
fn a_plugin_gets_the_metadata_of_its_own_issuer_alone() {
    on_each_transport(async |transport| {
        let (issuer, other) = (Issuer::start().await, Issuer::start().await);
        let provider = issuer.rig(transport).ready().await;
        assert_eq!(complete(&provider, &[("discover", &issuer.idp.url)]).await.unwrap(), issuer.idp.url);
        for url in [&other.idp.url, &format!("{}/", issuer.idp.url), &String::new()] {
            let error = complete(&provider, &[("discover", url)]).await.unwrap_err();
            assert_eq!(error.kind, Kind::Forbidden, "{error}");
        }
        assert!(other.idp.requests().is_empty());
    });
}

#[test]
fn the_metadata_says_whether_callbacks_name_their_issuer() {
    run(async {
        for (member, promised) in
            [(json!(true), true), (json!(false), false), (json!("true"), false), (json!(null), false)]
        {
            let issuer = Issuer::start().await;
            issuer.change(|state| {
                state.metadata = json!({ "authorization_response_iss_parameter_supported": member });
            });
            let expected =
                issuer.rig(TransportKind::InProcess).ready().await.issuer().await.unwrap().unwrap();
            assert_eq!((expected.value, expected.promised), (issuer.idp.url.clone(), promised));
        }
    });
}

#[test]
fn a_token_is_verified_with_the_issuers_keys() {
    on_each_transport(async |transport| {
        let (issuer, key) = (Issuer::start().await, Key::new("one"));
        issuer.change(|state| state.keys = vec![json!({ "kty": "unknown" }), key.jwk()]);
        let provider = issuer.rig(transport).ready().await;
        let refused = |error: OperationError, why: &str| {
            assert!(error.kind == Kind::BadAnswer && error.message.contains(why), "{error}");
        };
        // RS256 alone is accepted without a word to the contrary: this is what the plugin asks for.
        let error = verify(&provider, &key.token(&issuer.idp.url, "one")).await.unwrap_err();
        refused(error, "the token is signed with `ES256`; accepted: `RS256`");
        assert_eq!(issuer.fetched("/keys"), 0);
        let good = key.token(&issuer.idp.url, "one");
        let claims = complete(&provider, &[("token", &good), ("algorithms", "ES256")]).await.unwrap();
        assert!(claims.contains(r#""sub":"42""#), "{claims}");
        assert!(claims.contains(r#""large":100000000000000000001"#), "{claims}");
        let other = key.token("https://other.example", "one");
        refused(verify_es256(&provider, &other).await.unwrap_err(), "has the `iss` `https://other.example`");
        let forged = Key::new("one").token(&issuer.idp.url, "one");
        refused(verify_es256(&provider, &forged).await.unwrap_err(), "has a signature that does not hold");
        refused(verify_es256(&provider, "CANARY-TOKEN").await.unwrap_err(), "is no signed token");
        for sent in issuer.idp.requests() {
            assert!(!sent.headers.contains("canary-secret") && sent.body.is_empty());
        }
        assert!(!log().contains("CANARY-TOKEN") && !log().contains(&good));
    });
}

async fn verify_es256(provider: &Provider, token: &str) -> Result<String, OperationError> {
    complete(provider, &[("token", token), ("algorithms", "ES256")]).await
}

#[test]
fn a_key_rotated_just_before_signing_works_without_a_restart() {
    on_each_transport(async |transport| {
        let (issuer, old, new) = (Issuer::start().await, Key::new("old"), Key::new("new"));
        issuer.change(|state| state.keys = vec![old.jwk()]);
        let rig = issuer.rig(transport);
        let clock = Arc::clone(&rig.clock);
        let provider = rig.ready().await;
        verify_es256(&provider, &old.token(&issuer.idp.url, "old")).await.unwrap();
        issuer.change(|state| state.keys = vec![new.jwk()]);
        verify_es256(&provider, &new.token(&issuer.idp.url, "new")).await.unwrap();
        assert_eq!(issuer.fetched("/keys"), 2);
        assert!(verify_es256(&provider, &old.token(&issuer.idp.url, "old")).await.is_err());
        // Another key under the same name, as after a reinstallation.
        let again = Key::new("new");
        issuer.change(|state| state.keys = vec![again.jwk()]);
        clock.advance(COOL_DOWN);
        verify_es256(&provider, &again.token(&issuer.idp.url, "new")).await.unwrap();
    });
}

#[test]
fn a_flood_of_unknown_key_ids_costs_one_fetch_in_a_cool_down() {
    run(async {
        let (issuer, key) = (Issuer::start().await, Key::new("one"));
        issuer.change(|state| state.keys = vec![key.jwk()]);
        let rig = issuer.rig(TransportKind::InProcess);
        let clock = Arc::clone(&rig.clock);
        let provider = rig.ready().await;
        let good = key.token(&issuer.idp.url, "one");
        verify_es256(&provider, &good).await.unwrap();
        for n in 0..500 {
            let error = verify_es256(&provider, &key.token(&issuer.idp.url, &format!("random-{n}"))).await;
            let error = error.unwrap_err();
            assert!(error.message.contains("which the issuer does not publish for ES256"), "{error}");
        }
        assert_eq!(issuer.fetched("/keys"), 2);
        clock.advance(COOL_DOWN);
        for _ in 0..10 {
            assert!(verify_es256(&provider, &key.token(&issuer.idp.url, "unknown")).await.is_err());
        }
        assert_eq!(issuer.fetched("/keys"), 3);
        verify_es256(&provider, &good).await.unwrap();
    });
}

#[test]
fn metadata_and_keys_are_used_on_while_their_issuer_is_down() {
    on_each_transport(async |transport| {
        let (issuer, key) = (Issuer::start().await, Key::new("one"));
        issuer.change(|state| state.keys = vec![key.jwk()]);
        let rig = issuer.rig(transport);
        let clock = Arc::clone(&rig.clock);
        let provider = rig.ready().await;
        let token = key.token(&issuer.idp.url, "one");
        verify_es256(&provider, &token).await.unwrap();
        issuer.change(|state| state.reset = true);
        clock.advance(OLD);
        for _ in 0..5 {
            verify_es256(&provider, &token).await.unwrap();
            begin(&provider, "").await.unwrap();
        }
        assert_eq!((issuer.fetched(DISCOVERY), issuer.fetched("/keys")), (2, 2));
        // Whether a key that is missed is new cannot be said then.
        let error = verify_es256(&provider, &key.token(&issuer.idp.url, "new")).await.unwrap_err();
        assert_eq!(error.kind, Kind::ProviderDown, "{error}");
        issuer.change(|state| state.reset = false);
        clock.advance(COOL_DOWN);
        verify_es256(&provider, &token).await.unwrap();
        assert_eq!((issuer.fetched(DISCOVERY), issuer.fetched("/keys")), (3, 3));
    });
}

#[test]
fn keys_come_from_declared_origins_and_no_redirect_is_followed() {
    on_each_transport(async |transport| {
        let (issuer, other, key) = (Issuer::start().await, Issuer::start().await, Key::new("one"));
        for server in [&issuer, &other] {
            server.change(|state| state.keys = vec![key.jwk()]);
        }
        let token = key.token(&issuer.idp.url, "one");
        let at = async |provider: &Provider, url: &str| {
            complete(provider, &[("token", &token), ("algorithms", "ES256"), ("jwks", url)]).await
        };
        let provider = issuer.rig(transport).ready().await;
        at(&provider, &issuer.idp.at("/keys")).await.unwrap();
        for url in [&*other.idp.at("/keys"), "https://evil.example/keys", "file:///etc/passwd", "keys", ""] {
            let error = at(&provider, url).await.unwrap_err();
            assert_eq!(error.kind, Kind::Forbidden, "{url}: {error}");
        }
        // From the metadata, and not among the origins.
        let strict = issuer.rig(transport).setting("behaviour", "without_keys").ready().await;
        issuer.change(|state| state.metadata = json!({ "jwks_uri": other.idp.at("/keys") }));
        let error = verify_es256(&strict, &token).await.unwrap_err();
        assert_eq!(error.kind, Kind::Forbidden, "{error}");
        assert!(error.message.contains("which is no origin that `inspect` names"), "{error}");
        issuer.change(|state| {
            state.metadata = json!(null);
            let redirect = format!("302 Found\r\nLocation: {}", other.idp.at("/keys"));
            state.broken = Some(answer(&redirect, b""));
        });
        let error = at(&provider, &issuer.idp.at("/other-keys")).await.unwrap_err();
        assert!(error.kind == Kind::ProviderDown && error.message.contains("status 302"), "{error}");
        assert!(other.idp.requests().is_empty());
    });
}

#[test]
fn a_key_set_that_cannot_be_used_is_an_error_with_its_reason() {
    run(async {
        let (issuer, key) = (Issuer::start().await, Key::new("one"));
        let token = key.token(&issuer.idp.url, "one");
        let flood = vec![json!({ "kty": "EC" }); 10_000];
        for (keys, why) in [
            (flood, "has 10000 keys, the limit is 100"),
            (Vec::new(), "which the issuer does not publish"),
            (vec![json!({ "a": "a".repeat(300 * 1024) })], "the limit is 262144"),
        ] {
            issuer.change(|state| state.keys = keys);
            let provider = issuer.rig(TransportKind::InProcess).ready().await;
            let error = verify_es256(&provider, &token).await.unwrap_err();
            assert!(error.kind == Kind::BadAnswer && error.message.contains(why), "{error}");
        }
        issuer.change(|state| state.metadata = json!({ "jwks_uri": null }));
        let provider = issuer.rig(TransportKind::InProcess).ready().await;
        let error = verify_es256(&provider, &token).await.unwrap_err();
        assert!(error.message.contains("there is no `jwks_uri`"), "{error}");
    });
}

#[test]
fn a_secrets_handle_in_the_arguments_ends_the_operation() {
    on_each_transport(async |transport| {
        let issuer = Issuer::start().await;
        let provider = issuer.rig(transport).ready().await;
        let error = complete(&provider, &[("token", "a.b.c"), ("audience", "{secret}")]).await.unwrap_err();
        assert_eq!(error.kind, Kind::SecretLeak, "{error}");
        assert!(error.message.contains("stands in the arguments of `verify_jwt`"), "{error}");
        assert_eq!(issuer.fetched("/keys"), 0);
    });
}
