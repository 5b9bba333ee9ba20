//! An OAuth 2.0 provider, from the callback to the account.

use serde_json::json;
use vestibule_provider::oauth2::basic::BasicClient;
use vestibule_provider::oauth2::{AuthorizationCode, ClientId, ClientSecret, TokenUrl};
use vestibule_provider::prelude::*;
use vestibule_provider::testing::{self, TestProvider};

/// Uses the `oauth2` crate for tokens, and what it was told to carry.
struct Example {
    config: Config,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The secret.
    client_secret: SecretHandle,
    /// Where `begin` goes wrong.
    #[serde(default)]
    fault: String,
}

impl OAuthProvider for Example {
    const NAME: &'static str = "example";
    type Config = Config;

    fn configure(config: Config) -> Result<Self> {
        Ok(Self { config })
    }

    fn inspect(&self) -> Inspect {
        Inspect::new(&Realm::new(&Url::parse("https://idp.example").unwrap()).unwrap())
            .origin("https://idp.example")
            .secret("client_secret", "https://idp.example/token")
            .nonce(Policy::Required)
    }

    async fn authorize_url(&self, host: &Host, request: AuthorizeRequest) -> Result<Authorize> {
        let mut url = Url::parse("https://idp.example/authorize")?;
        let state = if self.config.fault == "state" { "mine" } else { &request.state };
        url.query_pairs_mut()
            .append_pair("state", state)
            .append_pair("nonce", &request.nonce.unwrap())
            .append_pair("code_challenge", &request.code_challenge.unwrap())
            .append_pair("code_challenge_method", "S256");
        match self.config.fault.as_str() {
            "twice" => drop(url.query_pairs_mut().append_pair("state", &request.state)),
            "elsewhere" => url.set_host(Some("evil.example"))?,
            "handle" => drop(url.query_pairs_mut().append_pair("s", self.config.client_secret.as_str())),
            "handle in log" => host.log(Level::Info, self.config.client_secret.as_str()),
            "handle to another path" => {
                let form = [("s", self.config.client_secret.as_str())];
                host.post_form::<serde_json::Value>("https://idp.example/other", &form).await?;
            }
            "undeclared" => drop(host.send(Request::get("https://other.example")).await?),
            _ => {}
        }
        Ok(Authorize { url, carry: Some("kept".to_owned()) })
    }

    async fn exchange_code(&self, host: &Host, exchange: CodeExchange) -> Result<TokenSet> {
        assert_eq!(exchange.nonce.as_ref().map(Sensitive::expose), Some(testing::NONCE));
        assert_eq!(exchange.params.len(), 1, "`code` is not among the other parameters");
        let client = BasicClient::new(ClientId::new("id".into()))
            .set_client_secret(ClientSecret::new(self.config.client_secret.as_str().into()))
            .set_token_uri(TokenUrl::new("https://idp.example/token".into())?);
        let code = AuthorizationCode::new(exchange.code.expose().to_owned());
        Ok(TokenSet::from(&client.exchange_code(code).request_async(host).await?))
    }

    async fn fetch_user_info(&self, host: &Host, tokens: &TokenSet) -> Result<UserInfo> {
        let sub: String = host.get_json("https://idp.example/me", &tokens.access_token).await?;
        Ok(UserInfo::new(sub).login(String::new()).email("", Verified::Yes))
    }
}

fn provider(fault: &str) -> TestProvider {
    let settings = json!({ "client_secret": testing::handle("client_secret"), "fault": fault });
    testing::provider::<Example>(settings).unwrap()
}

const CALLBACK: &[(&str, &str)] = &[("code", "abc"), ("session_state", "x")];

fn token(answer: fn() -> Result<Response>) -> testing::Outcome {
    provider("").complete(CALLBACK, move |request: &Request| {
        if request.url() == "https://idp.example/token" {
            return answer();
        }
        Ok(Response::new(200).json_text("\"a subject\""))
    })
}

#[test]
fn a_code_becomes_an_account() {
    let outcome = token(|| {
        let tokens = r#"{"access_token":"at","token_type":"Bearer","expires_in":60,"refresh_token":"rt","scope":"a b"}"#;
        Ok(Response::new(200).json_text(tokens))
    });
    // Empty texts count as absent, and an address that is not there is not verified.
    assert_eq!(*outcome.account(), json!({ "account_id": "a subject", "email_verified": 2 }));
    assert_eq!(
        outcome.result.as_ref().unwrap()["tokens"],
        json!({
            "access_token": "at", "token_type": "bearer", "expires_in_s": 60, "refresh_token": "rt", "scope": "a b",
        })
    );
    assert_eq!(outcome.requests[1].header_value("Authorization"), Some("Bearer at"));
}

#[test]
fn errors_of_the_token_endpoint_fall_into_their_classes() {
    for (error, code) in [
        ("invalid_grant", 2),
        ("invalid_client", 3),
        ("unauthorized_client", 3),
        ("redirect_uri_mismatch", 3),
        ("invalid_scope", 3),
        ("temporarily_unavailable", 6),
        ("new", 7),
    ] {
        for status in [200, 400, 401] {
            let outcome = provider("").complete(CALLBACK, move |_: &Request| {
                let body = format!(r#"{{"error":"{error}","error_description":"code abc is odd"}}"#);
                Ok(Response::new(status).json_text(body))
            });
            assert_eq!(outcome.error().code(), code, "{error} {status}");
            assert!(!outcome.error().message().contains("abc"), "{}", outcome.error());
        }
    }
}

#[test]
fn other_answers_of_the_token_endpoint_are_told_apart() {
    assert_eq!(token(|| Ok(Response::new(503).body("<html>"))).error().code(), 6);
    assert_eq!(token(|| Ok(Response::new(429).header("retry-after", "9"))).error().retry_after_s(), Some(9));
    assert_eq!(token(|| Ok(Response::new(200).json_text("{}"))).error().code(), 7);
    assert_eq!(token(|| Ok(Response::new(400))).error().code(), 7);
    assert_eq!(
        token(|| Ok(Response::new(200).header("content-type", "text/x-at-abc")))
            .error()
            .message()
            .find("abc"),
        None
    );
    assert_eq!(token(|| Err(Error::rate_limited(Some(4)))).error().retry_after_s(), Some(4));
}

#[test]
fn carry_is_handed_over() {
    let outcome = provider("").begin(testing::no_requests);
    assert_eq!(outcome.result.unwrap()["carry"], "kept");
}

#[test]
fn what_a_host_refuses_the_tests_host_refuses() {
    for fault in
        ["state", "twice", "elsewhere", "handle", "handle in log", "handle to another path", "undeclared"]
    {
        let outcome = provider(fault).begin(|_: &Request| Ok(Response::new(200).json_text("{}")));
        assert_eq!(outcome.error().code(), 12, "{fault}");
        assert!(!outcome.error().message().contains("vsec_"), "{fault}");
    }
}
