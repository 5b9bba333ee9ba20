//! Running a provider in `cargo test`, against a host that the test makes up.
//!
//! What runs is the exported function table, with the bytes that a real host would send. The made-up host is as strict as
//! the real one: a request to an undeclared origin, an authorization request without its state, or a secret's handle
//! where none may be, is an error here as there.
//!
//! ```
//! # use vestibule_provider::prelude::*;
//! # use vestibule_provider::{Begin, BeginRequest, Callback, Completed, Provider};
//! # struct Example(Realm);
//! # #[derive(Deserialize, JsonSchema)]
//! # struct Config {}
//! # impl Provider for Example {
//! #     const NAME: &'static str = "example";
//! #     type Config = Config;
//! #     fn configure(_: Config) -> Result<Self> { Ok(Self(Realm::new(&Url::parse("https://idp.example")?)?)) }
//! #     fn inspect(&self) -> Inspect { Inspect::new(&self.0).origin("https://idp.example") }
//! #     async fn begin(&self, _: &Host, _: BeginRequest) -> Result<Begin> { Err(Error::denied()) }
//! #     async fn complete(&self, host: &Host, c: Callback) -> Result<Completed> {
//! #         let id: NumericId = host.json(Request::get("https://idp.example/id")).await?;
//! #         Ok(UserInfo::new(id).into())
//! #     }
//! # }
//! use vestibule_provider::testing;
//!
//! let provider = testing::provider::<Example>(serde_json::json!({})).unwrap();
//! let outcome = provider.complete(&[("code", "abc")], |request: &Request| {
//!     assert_eq!(request.url(), "https://idp.example/id");
//!     Ok(Response::new(200).json_text("583231"))
//! });
//! assert_eq!(outcome.account()["account_id"], "583231");
//! ```

mod places;
mod schema;

use serde_json::{Value, json};
use url::Url;
use vestibule_abi::message::{Attachments, Message};
use vestibule_abi::record::{
    self, Answer, CreateRequest, HostInfo, HostRequest, StartRequest, StepRequest, code, operation, service,
    state,
};

use crate::glue::driver::{self, Driven};
use crate::{Error, Provider, Request, Response, Result};
use places::{Places, forbidden};

pub use schema::schema_faults;

/// The callback's address that operations are given.
pub const REDIRECT_URI: &str = "https://login.example/auth/provider/callback";
/// The state that `begin` is given.
pub const STATE: &str = "af0ifjsldkj-af0ifjsldkj-af0ifjsldkj-af0ifjs";
/// The `nonce` that operations are given, unless `inspect` says `Off`.
pub const NONCE: &str = "n-0S6_WzA2Mj-n-0S6_WzA2Mj-n-0S6_WzA2Mj-n-0S";
/// The PKCE verifier that `complete` is given, unless `inspect` says `Off` (RFC 7636, appendix B).
pub const CODE_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// The PKCE challenge that `begin` is given, unless `inspect` says `Off` (RFC 7636, appendix B).
pub const CODE_CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// The time of every operation, in seconds since 1970.
pub const NOW_S: u64 = 1_800_000_000;

/// The handle that stands for the secret setting of this key, to be written into the settings of a test.
pub fn handle(key: &str) -> String {
    let letters = key.chars().filter(char::is_ascii_lowercase).chain(std::iter::repeat('0'));
    format!("vsec_{}", letters.take(32).collect::<String>())
}

/// A host that a test makes up. A closure `|request: &Request| -> Result<Response>` is one; services beyond HTTP are
/// methods of a type of the test's own.
pub trait FakeHost {
    /// The answer to an HTTP request, or what kept it from being sent.
    fn http(&mut self, request: &Request) -> Result<Response>;

    /// The metadata of an issuer. Where `inspect` names one, each operation asks for it first, as the host does.
    fn discover(&mut self, _issuer: &str) -> Result<Value> {
        Err(Error::new(code::UNSUPPORTED, "the test's host offers no `discover`"))
    }

    /// The claims of a token. The request is the record that a host would get. As far as they are there, `iss`, `aud` and
    /// `nonce` are then compared with it; signatures and times are not a test's concern.
    fn verify_jwt(&mut self, _request: &Value) -> Result<Value> {
        Err(Error::new(code::UNSUPPORTED, "the test's host offers no `verify_jwt`"))
    }
}

impl<F: FnMut(&Request) -> Result<Response>> FakeHost for F {
    fn http(&mut self, request: &Request) -> Result<Response> {
        self(request)
    }
}

/// A host for operations that ask for nothing: a request fails the test.
pub fn no_requests(request: &Request) -> Result<Response> {
    panic!("{request:?} was not expected")
}

/// The plugin's description, as a host gets it before there are settings: name, schema, operations, requirements.
pub fn describe<P: Provider>() -> Result<Value> {
    Ok(serde_json::to_value(driver::describe::<P>()?)?)
}

/// A provider with these settings, in which [`handle`]s stand for secrets.
pub fn provider<P: Provider>(settings: Value) -> Result<TestProvider> {
    let provides = P::REQUIRES.iter().map(|&r| r.to_owned()).collect();
    let request = CreateRequest { settings, host: HostInfo { version: "0.0.0".to_owned(), provides } };
    let driven = Driven::create::<P>(&request)?;
    let outcome = drive(&driven, None, operation::INSPECT, Value::Null, &mut no_requests);
    let inspect = serde_json::from_value(outcome.result?)?;
    Ok(TestProvider { driven, inspect })
}

/// A configured provider.
pub struct TestProvider {
    driven: Driven,
    inspect: record::Inspect,
}

/// What became of an operation.
#[derive(Debug)]
pub struct Outcome {
    /// The operation's record, or its error.
    pub result: Result<Value>,
    /// The HTTP requests that were sent, in order.
    pub requests: Vec<Request>,
    /// The lines that were logged.
    pub log: Vec<String>,
}

impl Outcome {
    /// The address that `begin` sends the browser to.
    ///
    /// # Panics
    /// If the operation failed, or gave no redirect.
    #[track_caller]
    pub fn redirect(&self) -> Url {
        let url = self.value()["redirect"]["url"].as_str().expect("`begin` gives a redirect");
        Url::parse(url).expect("`begin` gives an absolute URL")
    }

    /// The account that `complete` gives.
    ///
    /// # Panics
    /// If the operation failed.
    #[track_caller]
    pub fn account(&self) -> &Value {
        &self.value()["account"]
    }

    /// The error.
    ///
    /// # Panics
    /// If the operation succeeded.
    #[track_caller]
    pub fn error(&self) -> &Error {
        match &self.result {
            Ok(_) => panic!("the operation succeeded"),
            Err(error) => error,
        }
    }

    #[track_caller]
    fn value(&self) -> &Value {
        match &self.result {
            Ok(value) => value,
            Err(error) => panic!("the operation failed with code {}: {error}", error.code()),
        }
    }
}

impl TestProvider {
    /// What the provider declares.
    pub fn inspect(&self) -> Value {
        serde_json::to_value(&self.inspect).unwrap_or_default()
    }

    /// Runs `begin`, and checks its answer as a host would.
    pub fn begin(&self, mut host: impl FakeHost) -> Outcome {
        let request = json!({
            "redirect_uri": REDIRECT_URI,
            "state": STATE,
            "nonce": sent(&self.inspect.nonce, NONCE),
            "code_challenge": sent(&self.inspect.pkce, CODE_CHALLENGE),
        });
        let mut outcome = self.run(operation::BEGIN, request, &mut host);
        if let Ok(answer) = &outcome.result
            && let Err(error) = self.places(&mut host).and_then(|places| self.check_begin(answer, &places))
        {
            outcome.result = Err(error);
        }
        outcome
    }

    /// Runs `complete` with these parameters of the callback.
    pub fn complete(&self, params: &[(&str, &str)], mut host: impl FakeHost) -> Outcome {
        let params: std::collections::BTreeMap<_, _> = params.iter().copied().collect();
        let request = json!({
            "params": params,
            "redirect_uri": REDIRECT_URI,
            "nonce": sent(&self.inspect.nonce, NONCE),
            "code_verifier": sent(&self.inspect.pkce, CODE_VERIFIER),
        });
        self.run(operation::COMPLETE, request, &mut host)
    }

    /// Runs any operation with any request.
    pub fn run(&self, operation: &str, request: Value, host: &mut dyn FakeHost) -> Outcome {
        match self.places(host) {
            Ok(places) => drive(&self.driven, Some((&self.inspect, &places)), operation, request, host),
            Err(error) => Outcome { result: Err(error), requests: Vec::new(), log: Vec::new() },
        }
    }

    fn places(&self, host: &mut dyn FakeHost) -> Result<Places> {
        let metadata = self.inspect.metadata.as_ref().map(|m| host.discover(&m.issuer)).transpose()?;
        Places::of(&self.inspect, metadata.unwrap_or_default())
    }

    /// An authorization request goes to a declared origin, with state, challenge and nonce as declared.
    fn check_begin(&self, answer: &Value, places: &Places) -> Result<()> {
        let target = answer.pointer("/redirect/url").or(answer.pointer("/post/url")).and_then(Value::as_str);
        let target =
            Url::parse(target.ok_or_else(|| forbidden("`begin` gives neither a redirect nor a form"))?)?;
        if !places.has(&target) {
            return Err(forbidden("`begin` sends the browser to an origin that `inspect` does not name"));
        }
        let mut pairs: Vec<(String, String)> = target.query_pairs().into_owned().collect();
        if let Some(fields) = answer.pointer("/post/fields") {
            pairs.extend(serde_json::from_value::<Vec<(String, String)>>(fields.clone())?);
        }
        let once = |name: &str, value: &str| {
            let found: Vec<_> = pairs.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect();
            if found == [value] {
                Ok(())
            } else {
                Err(forbidden(&format!("`begin` lacks `{name}`, or changes it")))
            }
        };
        if self.inspect.state_in == record::state_in::AUTHORIZATION_REQUEST {
            once("state", STATE)?;
        }
        if self.inspect.pkce != record::policy::OFF {
            once("code_challenge", CODE_CHALLENGE)?;
            once("code_challenge_method", "S256")?;
        }
        if self.inspect.nonce != record::policy::OFF {
            once("nonce", NONCE)?;
        }
        Ok(())
    }
}

fn sent(policy: &str, value: &'static str) -> Option<&'static str> {
    (policy != record::policy::OFF).then_some(value)
}

/// What was declared, and what it comes to with the metadata.
type Declaration<'a> = (&'a record::Inspect, &'a Places);

/// Steps until it is over. Without a declaration, nothing may be asked for yet.
fn drive(
    driven: &Driven,
    declared: Option<Declaration<'_>>,
    operation: &str,
    request: Value,
    host: &mut dyn FakeHost,
) -> Outcome {
    let mut outcome = Outcome { result: Ok(Value::Null), requests: Vec::new(), log: Vec::new() };
    let result = steps(driven, declared, operation, request, host, &mut outcome);
    let secret = |text: &str| text.contains("vsec_");
    outcome.result = match result {
        Ok(value) if secret(&value.to_string()) => Err(forbidden("the result holds a secret's handle")),
        Err(error) if secret(error.message()) => Err(forbidden("the error holds a secret's handle")),
        _ if outcome.log.iter().any(|line| secret(line)) => Err(forbidden("the log holds a secret's handle")),
        other => other,
    };
    outcome
}

fn steps(
    driven: &Driven,
    declared: Option<Declaration<'_>>,
    operation: &str,
    request: Value,
    host: &mut dyn FakeHost,
    outcome: &mut Outcome,
) -> Result<Value> {
    let now_us = i64::try_from(NOW_S).unwrap_or_default() * 1_000_000;
    let start = StartRequest { operation: operation.to_owned(), now_us, entropy: "5a".repeat(32), request };
    let mut running = driven.start(&start)?;
    let mut next = message(StepRequest::default(), Attachments::new())?;
    loop {
        let (answer, mut sent) = running.step(&next)?;
        outcome.log.extend(answer.log.into_iter().map(|line| line.message));
        match answer.state.as_str() {
            state::PENDING => {}
            state::STUCK => {
                return Err(Error::new(code::STUCK, "the provider waits for something beside the host"));
            }
            _ => return answer.error.map_or(Ok(answer.result.unwrap_or_default()), |e| Err(e.into())),
        }
        let mut attachments = Attachments::new();
        let mut answers = Vec::new();
        for request in answer.requests {
            let id = request.id;
            let served = serve(request, &mut sent, declared, host, outcome, &mut attachments);
            let (response, error) = match served {
                Ok(response) => (Some(response), None),
                Err(error) => (None, Some(error.into_failure())),
            };
            answers.push(Answer { id, response, error });
        }
        next = message(StepRequest { answers }, attachments)?;
    }
}

fn serve(
    request: HostRequest,
    sent: &mut Message,
    declared: Option<Declaration<'_>>,
    host: &mut dyn FakeHost,
    outcome: &mut Outcome,
    attachments: &mut Attachments,
) -> Result<Value> {
    let (inspect, places) = declared.ok_or_else(|| forbidden("`inspect` asks for a request"))?;
    match request.service.as_str() {
        service::HTTP => {
            let record: record::HttpRequest = serde_json::from_value(request.arguments)?;
            let body = record.body.map(|n| sent.take_attachment(n)).transpose();
            let body = body.map_err(|e| Error::new(code::PROTOCOL, e))?.unwrap_or_default();
            let request = Request { method: record.method, url: record.url, headers: record.headers, body };
            places.permit(&request, inspect)?;
            outcome.requests.push(request.clone());
            let response = host.http(&request)?;
            Ok(serde_json::to_value(record::HttpResponse {
                status: response.status,
                headers: response.headers,
                body: attachments.push(response.body),
            })?)
        }
        service::DISCOVER => {
            let record: record::DiscoverRequest = serde_json::from_value(request.arguments)?;
            if inspect.metadata.as_ref().is_none_or(|metadata| metadata.issuer != record.issuer) {
                return Err(forbidden("the metadata of another issuer than `inspect` names is asked for"));
            }
            let metadata = host.discover(&record.issuer)?;
            let body = attachments.push(metadata.to_string().into_bytes());
            Ok(serde_json::to_value(record::HttpResponse { status: 200, headers: Vec::new(), body })?)
        }
        service::VERIFY_JWT => {
            let claims = host.verify_jwt(&request.arguments)?;
            places.check_token(&serde_json::from_value(request.arguments)?, &claims)?;
            let claims = attachments.push(claims.to_string().into_bytes()).unwrap_or_default();
            Ok(serde_json::to_value(record::VerifyJwtAnswer { claims })?)
        }
        _ => Err(Error::new(code::UNSUPPORTED, "the test's host does not know that service")),
    }
}

fn message(record: StepRequest, attachments: Attachments) -> Result<Message> {
    attachments.message(&record).map_err(|e| Error::new(code::PROTOCOL, e))
}
