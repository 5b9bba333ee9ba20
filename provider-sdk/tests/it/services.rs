//! Services beyond HTTP, and lists in pages.

use serde_json::{Value, json};
use vestibule_provider::prelude::*;
use vestibule_provider::testing::{self, FakeHost};
use vestibule_provider::{Begin, BeginRequest, Callback, Completed, Provider, VerifyJwt, requirement};

/// Verifies a token with the keys of the issuer's metadata.
struct Oidc;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {}

impl Provider for Oidc {
    const NAME: &'static str = "oidc";
    const REQUIRES: &'static [&'static str] =
        &[requirement::HTTP, requirement::DISCOVER, requirement::VERIFY_JWT];
    type Config = Config;

    fn configure(_: Config) -> Result<Self> {
        Ok(Self)
    }

    fn inspect(&self) -> Inspect {
        Inspect::new(&Realm::new(&Url::parse("https://idp.example").unwrap()).unwrap())
            .openid("https://idp.example")
            .origin("https://idp.example")
            .nonce(Policy::Required)
            .own_protocol()
    }

    async fn begin(&self, host: &Host, _: BeginRequest) -> Result<Begin> {
        #[derive(Deserialize)]
        struct Metadata {
            authorization_endpoint: Url,
        }
        let metadata: Metadata = host.discover("https://idp.example").await?;
        let fields = [("state".to_owned(), testing::STATE.to_owned())];
        Ok(Begin::post(metadata.authorization_endpoint, fields))
    }

    async fn complete(&self, host: &Host, callback: Callback) -> Result<Completed> {
        if callback.params.contains_key("list") {
            let pages = host.pages(Request::get("https://idp.example/list"), 3);
            let items: Vec<u8> = pages.collect().await?;
            return Ok(UserInfo::new(format!("{items:?}")).into());
        }
        #[derive(Deserialize)]
        struct Claims {
            sub: String,
        }
        let token = callback.param("id_token")?;
        let token =
            VerifyJwt::new(token.into(), "https://idp.example", "client").nonce(callback.nonce.clone());
        let claims: Claims = host.verify_jwt(token).await?;
        Ok(UserInfo::new(claims.sub).into())
    }
}

struct Idp {
    issuer: &'static str,
    claims: Value,
}

fn idp(claims: Value) -> Idp {
    Idp { issuer: "https://idp.example", claims }
}

impl FakeHost for Idp {
    fn http(&mut self, request: &Request) -> Result<Response> {
        testing::no_requests(request)
    }

    fn discover(&mut self, issuer: &str) -> Result<Value> {
        assert_eq!(issuer, "https://idp.example");
        Ok(json!({
            "issuer": self.issuer,
            "authorization_endpoint": "https://login.idp.example/authorize",
            "jwks_uri": "https://keys.idp.example/keys",
        }))
    }

    fn verify_jwt(&mut self, request: &Value) -> Result<Value> {
        assert_eq!(
            *request,
            json!({
                "token": "a.b.c",
                "jwks_uri": { "from_metadata": "jwks_uri" },
                "issuers": ["https://idp.example"],
                "audience": "client",
                "algorithms": ["RS256"],
                "nonce": testing::NONCE,
            })
        );
        Ok(self.claims.clone())
    }
}

/// Metadata, and HTTP by a closure.
struct Listing<F>(F);

impl<F: FnMut(&Request) -> Result<Response>> FakeHost for Listing<F> {
    fn http(&mut self, request: &Request) -> Result<Response> {
        (self.0)(request)
    }

    fn discover(&mut self, issuer: &str) -> Result<Value> {
        Ok(json!({ "issuer": issuer }))
    }
}

fn provider() -> testing::TestProvider {
    testing::provider::<Oidc>(json!({})).unwrap()
}

#[test]
fn what_is_required_is_described() {
    let description = testing::describe::<Oidc>().unwrap();
    assert_eq!(description["requires"], json!(["http/1", "discover/1", "verify_jwt/1"]));
}

#[test]
fn metadata_comes_from_the_host() {
    let request = json!({ "redirect_uri": testing::REDIRECT_URI, "state": testing::STATE });
    let answer = provider().run("begin", request, &mut idp(Value::Null)).result.unwrap();
    assert_eq!(answer["post"]["url"], "https://login.idp.example/authorize");
    assert_eq!(answer["post"]["fields"], json!([["state", testing::STATE]]));
}

#[test]
fn metadata_of_an_issuer_in_another_spelling_ends_every_operation() {
    let host = || Idp { issuer: "https://idp.example/", claims: Value::Null };
    assert_eq!(provider().begin(host()).error().code(), 13);
    let text = provider().complete(&[("id_token", "a.b.c")], host()).error().message().to_owned();
    assert!(text.contains("`https://idp.example`, byte for byte"), "{text}");
}

#[test]
fn a_token_is_verified_by_the_host() {
    let claims = json!({
        "iss": "https://idp.example", "aud": "client", "sub": "someone", "nonce": testing::NONCE,
    });
    let complete = |claims: Value| provider().complete(&[("id_token", "a.b.c")], idp(claims));
    assert_eq!(complete(claims.clone()).account()["account_id"], "someone");
    assert_eq!(complete(json!({ "sub": "someone" })).account()["account_id"], "someone");
    for claim in ["iss", "aud", "nonce"] {
        let mut other = claims.clone();
        other[claim] = json!("another one");
        let outcome = complete(other);
        assert!(outcome.error().message().contains(&format!("`{claim}`")), "{outcome:?}");
    }
}

#[test]
fn a_host_without_the_service_says_so() {
    let outcome = provider().complete(&[("id_token", "a.b.c")], testing::no_requests);
    assert_eq!(outcome.error().code(), 10);
}

#[test]
fn a_list_is_whole_or_an_error() {
    let pages = |last: usize| {
        let mut page = 0;
        let pages = move |_: &Request| {
            page += 1;
            let response = Response::new(200).json_text(format!("[{page}]"));
            Ok(if page < last { response.header("Link", "</list>; rel=\"next\"") } else { response })
        };
        provider().complete(&[("list", "")], Listing(pages))
    };
    assert_eq!(pages(1).account()["account_id"], "[1]");
    assert_eq!(pages(3).account()["account_id"], "[1, 2, 3]");
    assert!(pages(4).error().message().contains("more than 3 pages"));
}
