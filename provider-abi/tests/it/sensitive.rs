//! Nothing secret shows in a debug line.

use serde_json::{Value, json};
use vestibule_abi::record::{
    Answer, CompleteRequest, CreateRequest, HostRequest, HttpRequest, HttpResponse, StartRequest,
};
use vestibule_abi::record::{StepAnswer, Tokens, VerifyJwtRequest};

const CANARY: &str = "canary-8d1f";

#[track_caller]
fn hides<T: serde::de::DeserializeOwned + std::fmt::Debug>(record: &Value) {
    assert!(record.to_string().contains(CANARY), "there is nothing to hide");
    let record: T = serde_json::from_value(record.clone()).unwrap();
    let shown = format!("{record:?} {record:#?}");
    assert!(!shown.contains(CANARY), "{shown}");
}

#[test]
fn debug_of_a_record_shows_no_secret() {
    hides::<Tokens>(&json!({ "access_token": CANARY, "refresh_token": CANARY, "id_token": CANARY }));
    hides::<CompleteRequest>(&json!({
        "params": { "code": CANARY }, "redirect_uri": "x", "nonce": CANARY, "code_verifier": CANARY,
    }));
    hides::<CreateRequest>(&json!({ "settings": { "client_secret": CANARY } }));
    hides::<StartRequest>(&json!({ "operation": "x", "now_us": 0, "entropy": CANARY, "request": CANARY }));
    hides::<HttpRequest>(&json!({
        "method": "GET", "url": format!("https://x.example/?t={CANARY}"), "headers": [["authorization", CANARY]],
    }));
    hides::<HttpResponse>(&json!({ "status": 200, "headers": [["set-cookie", CANARY]] }));
    hides::<HostRequest>(&json!({ "id": 1, "service": "http", "arguments": CANARY }));
    hides::<Answer>(&json!({ "id": 1, "response": CANARY }));
    hides::<StepAnswer>(&json!({ "state": "done", "result": CANARY }));
    hides::<VerifyJwtRequest>(&json!({
        "token": CANARY, "jwks_uri": "x", "audience": "x", "algorithms": [], "nonce": CANARY,
    }));
}
