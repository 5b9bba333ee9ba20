//! The JSON of every record, so that a change of one shows here. A field may be added to these; none may go, and none
//! may change its name or meaning. Their bytes are frozen in `tests/epoch-1/records.txt`.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use vestibule_abi::record::{
    Account, Answer, BeginAnswer, BeginRequest, CompleteAnswer, CompleteRequest, CreateRequest, Declared,
    Description, DiscoverRequest, Failure, Hints, HostInfo, HostRequest, HttpRequest, HttpResponse, Inspect,
    Issuer, LogLine, Metadata, Post, Promised, Redirect, Reply, SecretTarget, StartRequest, StepAnswer,
    StepRequest, Tokens, VerifyJwtAnswer, VerifyJwtRequest, code, level, operation, policy, protocol,
    requirement, response_mode, service, state, state_in, verified,
};

use crate::fields::fields;
use crate::frozen::{file, is_frozen};

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
    /// The same with its bytes.
    pub(crate) bytes: fn(&str) -> Result<String, String>,
    /// The names of its fields, as the parser knows them; none where it is no structure.
    pub(crate) fields: fn() -> &'static [&'static str],
}

fn again<T: Serialize + DeserializeOwned>(json: &Value) -> Result<Value, String> {
    let record: T = serde_json::from_value(json.clone()).map_err(|e| e.to_string())?;
    Ok(serde_json::to_value(record).unwrap())
}

fn bytes<T: Serialize + DeserializeOwned>(json: &str) -> Result<String, String> {
    let record: T = serde_json::from_str(json).map_err(|e| e.to_string())?;
    Ok(serde_json::to_string(&record).unwrap())
}

fn golden<T: Serialize + DeserializeOwned>(
    name: &'static str,
    full: Value,
    least: Value,
    defaulted: Value,
) -> Golden {
    Golden { name, full, least, defaulted, again: again::<T>, bytes: bytes::<T>, fields: fields::<T> }
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
        golden::<HostInfo>(
            "HostInfo",
            json!({ "version": "1.0.0", "provides": ["http/1"] }),
            json!({}),
            json!({ "version": "", "provides": [] }),
        ),
        golden::<Hints>("Hints", json!({ "login_hint": "octocat" }), json!({}), json!({})),
        golden::<Redirect>("Redirect", json!({ "url": "u" }), json!({ "url": "" }), json!({ "url": "" })),
        golden::<Post>(
            "Post",
            json!({ "url": "u", "fields": [["a", "b"], ["a", "c"]] }),
            json!({ "url": "", "fields": [] }),
            json!({ "url": "", "fields": [] }),
        ),
        golden::<Metadata>(
            "Metadata",
            json!({ "issuer": "https://idp.example" }),
            json!({ "issuer": "" }),
            json!({ "issuer": "" }),
        ),
        golden::<SecretTarget>(
            "SecretTarget",
            json!({ "origin": "https://git.example", "path_prefix": "/token" }),
            json!({ "origin": "" }),
            json!({ "origin": "", "path_prefix": "" }),
        ),
        // The other spelling of the two is a plain text and a plain boolean: `Inspect` and `Issuer` hold them.
        golden::<Declared>(
            "Declared",
            json!({ "from_metadata": "token_endpoint" }),
            json!({ "from_metadata": "" }),
            json!({ "from_metadata": "" }),
        ),
        golden::<Promised>(
            "Promised",
            json!({ "from_metadata": "authorization_response_iss_parameter_supported" }),
            json!({ "from_metadata": "" }),
            json!({ "from_metadata": "" }),
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
fn every_record_that_there_is_stands_here() {
    let list = include_str!("../../src/record.rs");
    let names = list.split(|letter: char| !letter.is_ascii_alphanumeric());
    let exported: BTreeSet<_> = names.filter(|name| name.starts_with(char::is_uppercase)).collect();
    let sentences = ["Every", "Numbers", "The"];
    let here: Vec<_> = all().iter().map(|golden| golden.name).collect();
    let missing: Vec<_> =
        exported.iter().filter(|name| !here.contains(name) && !sentences.contains(name)).collect();
    assert!(missing.is_empty() && exported.len() > 20, "records without an example here: {missing:?}");
}

#[test]
fn every_field_that_there_is_stands_here() {
    for golden in all() {
        let fields = BTreeSet::from_iter((golden.fields)().iter().copied());
        let mut here: BTreeSet<_> = golden.full.as_object().unwrap().keys().map(String::as_str).collect();
        if golden.name == "Reply" {
            // The other one of the two stands in `messages.txt`.
            here.insert("ok");
        }
        if !["Declared", "Promised"].contains(&golden.name) {
            assert_eq!(fields, here, "the fields of {}, and those of its example", golden.name);
        }
    }
}

/// What today's code writes for each.
fn written() -> String {
    let mut text = String::new();
    for golden in all() {
        let [full, least] = [&golden.full, &golden.least].map(|json| serde_json::to_string(json).unwrap());
        let (full, becomes) = ((golden.bytes)(&full).unwrap(), (golden.bytes)(&least).unwrap());
        text += &format!("{}\n  full    {full}\n  least   {least}\n  becomes {becomes}\n", golden.name);
    }
    text
}

#[test]
fn every_record_is_written_with_the_bytes_of_the_epoch() {
    is_frozen("records.txt", &written());
}

#[test]
fn every_record_of_the_epoch_is_read() {
    let (file, golden) = (file("records.txt"), all());
    let lines: Vec<_> = file.lines().collect();
    assert_eq!(lines.len() % 4, 0);
    for record in lines.chunks(4) {
        let golden = golden.iter().find(|golden| golden.name == record[0]);
        let golden = golden.unwrap_or_else(|| panic!("{} is gone, and plugins still write it", record[0]));
        let [full, least, becomes] = [(1, "  full    "), (2, "  least   "), (3, "  becomes ")]
            .map(|(line, label)| record[line].strip_prefix(label).unwrap());
        assert_eq!((golden.bytes)(full).as_deref(), Ok(full), "{}", golden.name);
        assert_eq!((golden.bytes)(least).as_deref(), Ok(becomes), "{}", golden.name);
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
