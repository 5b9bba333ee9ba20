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
            .origin_from_metadata("token_endpoint")
            .issuer_from_metadata(true)
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

struct Idp;

impl FakeHost for Idp {
    fn http(&mut self, request: &Request) -> Result<Response> {
        testing::no_requests(request)
    }

    fn discover(&mut self, issuer: &str) -> Result<Value> {
        assert_eq!(issuer, "https://idp.example");
        Ok(json!({ "issuer": issuer, "authorization_endpoint": "https://idp.example/authorize" }))
    }

    fn verify_jwt(&mut self, request: &Value) -> Result<Value> {
        assert_eq!(
            *request,
            json!({
                "token": "a.b.c",
                "jwks_uri": { "from_metadata": "jwks_uri" },
                "issuer": "https://idp.example",
                "audience": "client",
                "algorithms": ["RS256"],
            })
        );
        Ok(json!({ "sub": "someone" }))
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
    let answer = provider().run("begin", request, &mut Idp).result.unwrap();
    assert_eq!(answer["post"]["url"], "https://idp.example/authorize");
    assert_eq!(answer["post"]["fields"], json!([["state", testing::STATE]]));
}

#[test]
fn a_token_is_verified_by_the_host() {
    assert_eq!(provider().complete(&[("id_token", "a.b.c")], Idp).account()["account_id"], "someone");
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
        provider().complete(&[("list", "")], move |_: &Request| {
            page += 1;
            let response = Response::new(200).json_text(format!("[{page}]"));
            Ok(if page < last { response.header("Link", "</list>; rel=\"next\"") } else { response })
        })
    };
    assert_eq!(pages(1).account()["account_id"], "[1]");
    assert_eq!(pages(3).account()["account_id"], "[1, 2, 3]");
    assert!(pages(4).error().message().contains("more than 3 pages"));
}
