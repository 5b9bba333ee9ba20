//! The JSON of every record, so that a change of one shows here. A field may be added to these; none may go, and none
//! may change its name or meaning.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use vestibule_abi::record::{
    Account, Answer, BeginAnswer, BeginRequest, CompleteAnswer, CompleteRequest, CreateRequest, Description,
    DiscoverRequest, Failure, HostRequest, HttpRequest, HttpResponse, Inspect, Issuer, LogLine, Reply,
    StartRequest, StepAnswer, StepRequest, Tokens, VerifyJwtAnswer, VerifyJwtRequest, code, level, operation,
    policy, protocol, requirement, response_mode, service, state, state_in, verified,
};

/// One record: all its fields, and as few as it may have.
pub(crate) struct Golden {
    pub(crate) name: &'static str,
    pub(crate) full: Value,
    /// What must be there.
    pub(crate) least: Value,
    /// What `least` becomes when it is read and written: with the defaults.
    pub(crate) defaulted: Value,
    /// Reads and writes it.
    pub(crate) again: fn(&Value) -> Result<Value, String>,
}

fn again<T: Serialize + DeserializeOwned>(json: &Value) -> Result<Value, String> {
    let record: T = serde_json::from_value(json.clone()).map_err(|e| e.to_string())?;
    Ok(serde_json::to_value(record).unwrap())
}

fn golden<T: Serialize + DeserializeOwned>(
    name: &'static str,
    full: Value,
    least: Value,
    defaulted: Value,
) -> Golden {
    Golden { name, full, least, defaulted, again: again::<T> }
}

pub(crate) fn all() -> Vec<Golden> {
    let account = json!({
        "account_id": "583231", "login": "octocat", "name": "The Octocat", "email": "octocat@github.com",
        "email_verified": 1, "avatar_url": "https://avatars.example/1",
    });
    let tokens = json!({
        "access_token": "at", "token_type": "bearer", "refresh_token": "rt", "id_token": "it", "expires_in_s": 3600,
        "scope": "user:email",
    });
    let failure = json!({ "code": 5, "message": "the provider asks to wait", "retry_after_s": 30 });
    let inspect = json!({
        "realm": "https://git.example;id=sub",
        "client_id": "abc",
        "issuer": {
            "value": { "from_metadata": "issuer" },
            "promised": { "from_metadata": "authorization_response_iss_parameter_supported" },
        },
        "metadata": { "issuer": "https://git.example" },
        "origins": ["https://git.example", { "from_metadata": "token_endpoint" }],
        "secrets": { "client_secret": [
            { "origin": "https://git.example", "path_prefix": "/token" },
            { "origin": { "from_metadata": "token_endpoint" }, "path_prefix": "" },
        ] },
        "pkce": "required", "nonce": "sent", "response_mode": "form_post", "state_in": "return_url",
        "protocol": "other",
    });
    let least_inspect = json!({
        "realm": "r", "origins": [], "pkce": "off", "nonce": "off", "response_mode": "query",
        "state_in": "authorization_request", "protocol": "oauth2",
    });
    let mut defaulted_inspect = least_inspect.clone();
    defaulted_inspect["secrets"] = json!({});
    vec![
        golden::<Failure>(
            "Failure",
            failure.clone(),
            json!({ "code": 977, "message": "" }),
            json!({ "code": 977, "message": "" }),
        ),
        golden::<Reply<LogLine>>("Reply", json!({ "error": failure }), json!({}), json!({})),
        golden::<Description>(
            "Description",
            json!({
                "name": "github", "version": "1.2.0", "settings_schema": { "type": "object" },
                "operations": ["inspect", "begin", "complete"], "requires": ["http/1"],
            }),
            json!({ "name": "x", "version": "1", "settings_schema": {}, "operations": [] }),
            json!({ "name": "x", "version": "1", "settings_schema": {}, "operations": [], "requires": [] }),
        ),
        golden::<CreateRequest>(
            "CreateRequest",
            json!({ "settings": { "client_id": "abc" }, "host": { "version": "1.0.0", "provides": ["http/1"] } }),
            json!({ "settings": {} }),
            json!({ "settings": {}, "host": { "version": "", "provides": [] } }),
        ),
        golden::<Inspect>("Inspect", inspect, least_inspect, defaulted_inspect),
        golden::<BeginRequest>(
            "BeginRequest",
            json!({
                "redirect_uri": "https://login.example/auth/x/callback", "state": "s", "nonce": "n",
                "code_challenge": "c", "locale": "de", "hints": { "login_hint": "octocat" },
            }),
            json!({ "redirect_uri": "r", "state": "s" }),
            json!({ "redirect_uri": "r", "state": "s", "hints": {} }),
        ),
        golden::<BeginAnswer>(
            "BeginAnswer",
            json!({
                "redirect": { "url": "https://idp.example/authorize" },
                "post": { "url": "https://idp.example/authorize", "fields": [["state", "s"]] },
                "carry": "c",
            }),
            json!({}),
            json!({}),
        ),
        golden::<CompleteRequest>(
            "CompleteRequest",
            json!({
                "params": { "code": "abc" }, "carry": "c", "redirect_uri": "r", "nonce": "n", "code_verifier": "v",
            }),
            json!({ "params": {}, "redirect_uri": "r" }),
            json!({ "params": {}, "redirect_uri": "r" }),
        ),
        golden::<CompleteAnswer>(
            "CompleteAnswer",
            json!({ "account": account, "tokens": tokens }),
            json!({ "account": { "account_id": "1" } }),
            json!({ "account": { "account_id": "1", "email_verified": 0 } }),
        ),
        golden::<Account>(
            "Account",
            account,
            json!({ "account_id": "1" }),
            json!({ "account_id": "1", "email_verified": 0 }),
        ),
        golden::<Tokens>("Tokens", tokens, json!({ "access_token": "" }), json!({ "access_token": "" })),
        golden::<StartRequest>(
            "StartRequest",
            json!({ "operation": "begin", "now_us": 1_800_000_000_000_000_i64, "entropy": "00", "request": { "a": 1 } }),
            json!({ "operation": "inspect", "now_us": -1, "entropy": "" }),
            json!({ "operation": "inspect", "now_us": -1, "entropy": "", "request": null }),
        ),
        golden::<StepRequest>(
            "StepRequest",
            json!({ "answers": [
                { "id": 1, "response": { "status": 200 } },
                { "id": 2, "error": failure },
            ] }),
            json!({}),
            json!({ "answers": [] }),
        ),
        golden::<Answer>(
            "Answer",
            json!({ "id": 1, "response": { "status": 200 }, "error": failure }),
            json!({ "id": 4_294_967_295_u32 }),
            json!({ "id": 4_294_967_295_u32 }),
        ),
        golden::<StepAnswer>(
            "StepAnswer",
            json!({
                "state": "pending",
                "requests": [{ "id": 1, "service": "http", "arguments": { "method": "GET" } }],
                "result": { "a": 1 },
                "error": failure,
                "log": [{ "level": "info", "message": "m" }],
            }),
            json!({ "state": "a later one" }),
            json!({ "state": "a later one" }),
        ),
        golden::<HostRequest>(
            "HostRequest",
            json!({ "id": 1, "service": "a later one", "arguments": {} }),
            json!({ "id": 1, "service": "", "arguments": null }),
            json!({ "id": 1, "service": "", "arguments": null }),
        ),
        golden::<LogLine>(
            "LogLine",
            json!({ "level": "a later one", "message": "m" }),
            json!({ "level": "", "message": "" }),
            json!({ "level": "", "message": "" }),
        ),
        golden::<HttpRequest>(
            "HttpRequest",
            json!({ "method": "POST", "url": "https://idp.example/", "headers": [["accept", "*/*"]], "body": 0 }),
            json!({ "method": "GET", "url": "" }),
            json!({ "method": "GET", "url": "", "headers": [] }),
        ),
        golden::<HttpResponse>(
            "HttpResponse",
            json!({ "status": 200, "headers": [["link", "x"]], "body": 7 }),
            json!({ "status": 999 }),
            json!({ "status": 999, "headers": [] }),
        ),
        golden::<DiscoverRequest>(
            "DiscoverRequest",
            json!({ "issuer": "https://idp.example" }),
            json!({ "issuer": "" }),
            json!({ "issuer": "" }),
        ),
        golden::<Issuer>(
            "Issuer",
            json!({ "value": "https://git.example", "promised": true }),
            json!({ "value": "" }),
            json!({ "value": "", "promised": false }),
        ),
        golden::<VerifyJwtRequest>(
            "VerifyJwtRequest",
            json!({
                "token": "a.b.c", "jwks_uri": { "from_metadata": "jwks_uri" }, "issuers": ["i", "j"],
                "issuer_template": "{t}", "issuer_template_values": ["any"], "audience": "abc",
                "trusted_audiences": ["def"], "algorithms": ["RS256"], "nonce": "n", "access_token": "at",
                "max_iat_age_s": 600, "typ": "logout+jwt",
            }),
            json!({ "token": "", "jwks_uri": "", "audience": "", "algorithms": [] }),
            json!({ "token": "", "jwks_uri": "", "audience": "", "algorithms": [] }),
        ),
        golden::<VerifyJwtAnswer>(
            "VerifyJwtAnswer",
            json!({ "claims": 7 }),
            json!({ "claims": 0 }),
            json!({ "claims": 0 }),
        ),
    ]
}

#[test]
fn every_record_is_read_and_written_as_it_stands_here() {
    for golden in all() {
        assert_eq!((golden.again)(&golden.full), Ok(golden.full), "{}", golden.name);
    }
}

#[test]
fn names_and_numbers_stay_what_they_are() {
    let codes = [
        code::DENIED,
        code::CODE_EXPIRED,
        code::CLIENT_MISCONFIGURED,
        code::REFUSED_BY_POLICY,
        code::RATE_LIMITED,
        code::PROVIDER_DOWN,
        code::BAD_ANSWER,
        code::PANIC,
        code::STUCK,
        code::UNSUPPORTED,
        code::PROTOCOL,
        code::FORBIDDEN,
        code::BAD_SETTINGS,
    ];
    assert_eq!(codes, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
    assert_eq!([verified::NO, verified::YES, verified::UNKNOWN], [0, 1, 2]);
    assert_eq!([operation::INSPECT, operation::BEGIN, operation::COMPLETE], ["inspect", "begin", "complete"]);
    assert_eq!(
        [requirement::HTTP, requirement::DISCOVER, requirement::VERIFY_JWT],
        ["http/1", "discover/1", "verify_jwt/1"]
    );
    assert_eq!([service::HTTP, service::DISCOVER, service::VERIFY_JWT], ["http", "discover", "verify_jwt"]);
    assert_eq!([state::PENDING, state::DONE, state::STUCK], ["pending", "done", "stuck"]);
    assert_eq!([level::ERROR, level::WARN, level::INFO, level::DEBUG], ["error", "warn", "info", "debug"]);
    assert_eq!([policy::REQUIRED, policy::SENT, policy::OFF], ["required", "sent", "off"]);
    assert_eq!([response_mode::QUERY, response_mode::FORM_POST], ["query", "form_post"]);
    assert_eq!(
        [state_in::AUTHORIZATION_REQUEST, state_in::RETURN_URL],
        ["authorization_request", "return_url"]
    );
    assert_eq!([protocol::OAUTH2, protocol::OTHER], ["oauth2", "other"]);
}
