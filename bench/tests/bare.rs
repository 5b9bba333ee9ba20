//! The relying party that Vestibule is compared with is a correct one: what it is measured for counts only then.

#![expect(clippy::unwrap_used, reason = "the whole file is tests, their own functions too")]

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Response, StatusCode};
use tempfile::TempDir;
use tokio::net::TcpListener;
use url::Url;
use vestibule_bench::bare::{Attempt, GitHub, Oidc, Party, Provider, Store, router, sha256};
use vestibule_demo_idp::{DemoIdp, Endpoint, Fault, OpenIdFault, Options, Personality};

struct World {
    idp: DemoIdp,
    url: String,
    client: Client,
    _folder: TempDir,
}

impl World {
    async fn start(personality: Personality) -> Self {
        let idp = DemoIdp::start(Options::of(personality)).await.unwrap();
        let (client_id, secret) = ("demo-client-1", "demo/secret+canary=0123456789abcdef");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let redirect_uri = format!("{url}/auth/{}/callback", personality.name());
        assert!(idp.register_redirect_uri(client_id, &redirect_uri));
        let folder = tempfile::tempdir().unwrap();
        let provider = match personality {
            Personality::GitHub => {
                let github = GitHub::new(idp.base_url(), client_id, secret, redirect_uri);
                Provider::GitHub(github.unwrap())
            }
            _ => {
                let oidc = Oidc::discover(&idp.issuer(), client_id, secret, redirect_uri).await;
                Provider::Oidc(Box::new(oidc.unwrap()))
            }
        };
        let party = Party { store: Store::sqlite(&folder.path().join("bare.db")).await.unwrap(), provider };
        tokio::spawn(async { axum::serve(listener, router(party)).await });
        let client =
            Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { idp, url, client, _folder: folder }
    }

    /// From the button to the provider and almost back: the callback's address, and the cookie to bring there.
    async fn begin(&self) -> (Url, String) {
        let begin = self.client.post(format!("{}/auth/{}/begin", self.url, self.idp.personality().name()));
        let begun = begin.header("sec-fetch-site", "same-origin").send().await.unwrap();
        assert_eq!(begun.status(), StatusCode::SEE_OTHER);
        let chosen = self.client.post(location(&begun)).body("person=octavia");
        let chosen = chosen.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
        (location(&chosen), cookie(&begun))
    }

    async fn get(&self, url: impl reqwest::IntoUrl, cookie: &str) -> Response {
        self.client.get(url).header(COOKIE, cookie).send().await.unwrap()
    }

    async fn me(&self, cookie: &str) -> (StatusCode, serde_json::Value) {
        let answer = self.get(format!("{}/api/v1/me", self.url), cookie).await;
        (answer.status(), serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
    }
}

fn location(answer: &Response) -> Url {
    Url::parse(answer.headers()[LOCATION].to_str().unwrap()).unwrap()
}

fn cookie(answer: &Response) -> String {
    answer.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned()
}

async fn comes_back(personality: Personality) {
    let world = World::start(personality).await;
    let mut users = Vec::new();
    for _ in 0..2 {
        let (callback, browser) = world.begin().await;
        let done = world.get(callback, &browser).await;
        assert_eq!(
            (done.status(), &done.headers()[LOCATION]),
            (StatusCode::SEE_OTHER, &"/".parse().unwrap())
        );
        let (status, me) = world.me(&cookie(&done)).await;
        assert_eq!((status, &me["user"]["username"]), (StatusCode::OK, &"octavia".into()));
        let check = world.get(format!("{}/.vestibule/check", world.url), &cookie(&done)).await;
        assert_eq!(
            (check.status(), check.headers()["x-username"].as_bytes()),
            (StatusCode::OK, &b"octavia"[..])
        );
        users.push(me["user"]["id"].as_i64().unwrap());
    }
    assert_eq!(users[0], users[1]);
}

#[tokio::test]
async fn a_person_who_comes_back_is_the_same_user() {
    comes_back(Personality::GitHub).await;
    comes_back(Personality::Oidc).await;
}

#[tokio::test]
async fn an_id_token_that_proves_nothing_signs_nobody_in() {
    let world = World::start(Personality::Oidc).await;
    for fault in [
        OpenIdFault::IdTokenMissing,
        OpenIdFault::IdTokenOtherClient,
        OpenIdFault::IdTokenOtherIssuer,
        OpenIdFault::IssWrong,
        OpenIdFault::IssMissing,
        OpenIdFault::IssList,
        OpenIdFault::AudWrong,
        OpenIdFault::AudMissing,
        OpenIdFault::AudStrangerBeside,
        OpenIdFault::NonceWrong,
        OpenIdFault::NonceMissing,
        OpenIdFault::Expired,
        OpenIdFault::SignatureFlipped,
        OpenIdFault::AlgNone,
    ] {
        world.idp.set_fault(Endpoint::Token, fault);
        let (callback, browser) = world.begin().await;
        let done = world.get(callback, &browser).await;
        assert_eq!(done.status(), StatusCode::INTERNAL_SERVER_ERROR, "{fault:?}");
        assert!(done.headers().get(SET_COOKIE).is_none(), "{fault:?}");
    }
    world.idp.clear_faults();
    let (mut callback, browser) = world.begin().await;
    let others: Vec<_> = callback.query_pairs().into_owned().filter(|(name, _)| name != "iss").collect();
    callback.query_pairs_mut().clear().extend_pairs(others);
    assert_eq!(world.get(callback, &browser).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_callback_works_once_and_in_its_own_browser_only() {
    let world = World::start(Personality::GitHub).await;
    let (callback, browser) = world.begin().await;
    let (_, other) = world.begin().await;
    assert_eq!(world.get(callback.clone(), &other).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(world.get(callback.clone(), "").await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(world.get(callback.clone(), &browser).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(world.get(callback, &browser).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn nobody_is_signed_in_without_a_page_of_ours_a_session_or_the_providers_word() {
    let world = World::start(Personality::GitHub).await;
    let begin = world.client.post(format!("{}/auth/github/begin", world.url));
    let begun = begin.header("sec-fetch-site", "cross-site").send().await.unwrap();
    assert_eq!(begun.status(), StatusCode::FORBIDDEN);
    let invented = format!("__Host-bare_session={}", "a".repeat(43));
    assert_eq!(world.me(&invented).await.0, StatusCode::UNAUTHORIZED);
    world.idp.set_fault(Endpoint::User, Fault::MissingId);
    let (callback, browser) = world.begin().await;
    let done = world.get(callback, &browser).await;
    assert_eq!(done.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(done.headers().get(SET_COOKIE).is_none());
}

#[tokio::test]
async fn an_expired_attempt_is_nobodys() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::sqlite(&folder.path().join("bare.db")).await.unwrap();
    let attempt = Attempt {
        state_hash: sha256("state"),
        browser_hash: sha256("browser"),
        code_verifier: "verifier".to_owned(),
        nonce: Some("nonce".to_owned()),
        expires_at: 10,
    };
    for (now, found) in [(10, None), (9, Some(("verifier".to_owned(), Some("nonce".to_owned()))))] {
        store.insert_attempt(&attempt).await.unwrap();
        assert_eq!(store.take_attempt(&attempt.state_hash, &attempt.browser_hash, now).await.unwrap(), found);
        assert_eq!(store.take_attempt(&attempt.state_hash, &attempt.browser_hash, 9).await.unwrap(), None);
    }
}
