//! A plugin for the tests that fills the function table by hand, without the SDK, and breaks the protocol of the boundary
//! on request: by the setting `behaviour`.
//!
//! `inspect` and `begin` are well-behaved; `complete` answers its first step with whatever the behaviour is.

use serde_json::{Value, json};
use vestibule_abi as abi;

use abi::message::{Attachments, MAX_HEAD, Message};
use abi::record::{CreateRequest, Failure, StartRequest, StepRequest, code};
use abi::root::{PrefixTypeTrait as _, RErr, ROk, RResult, RSlice, RVec};
use abi::table::{OperationPtr, ProviderModule, ProviderPtr};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const NAME: &str = "misbehaving_raw";

struct Provider {
    behaviour: String,
    idp: String,
}

struct Operation {
    name: String,
    behaviour: String,
    idp: String,
    steps: u32,
    answered: usize,
}

fn bytes(record: &Value) -> Vec<u8> {
    Message::new(record).and_then(|m| m.encode()).unwrap_or_default()
}

unsafe extern "C" fn describe() -> RVec<u8> {
    bytes(&json!({ "ok": {
        "name": NAME, "version": VERSION, "operations": ["inspect", "begin", "complete", "levitate"],
        "requires": ["http/1"], "from_a_later_version": true,
        "settings_schema": { "type": "object", "properties": {
            "idp": { "type": "string" }, "behaviour": { "type": "string" } } },
    } }))
    .into()
}

unsafe extern "C" fn create(request: RSlice<'_, u8>) -> RResult<ProviderPtr, RVec<u8>> {
    let request = Message::decode(request.as_slice()).and_then(|m| m.record::<CreateRequest>());
    let settings = request.map(|r| r.settings).unwrap_or_default();
    let text = |key: &str| settings[key].as_str().unwrap_or_default().to_owned();
    let (behaviour, idp) = (text("behaviour"), text("idp"));
    match behaviour.as_str() {
        "create_garbage" => RErr(vec![0xff; 64].into()),
        "create_empty" => RErr(RVec::new()),
        "create_unknown_code" => {
            let failure = Failure::new(4711, "canary-unknown\n");
            RErr(Message::new(&failure).and_then(|m| m.encode()).unwrap_or_default().into())
        }
        "create_loop" => loop {
            std::thread::yield_now();
        },
        _ => ROk(ProviderPtr(Box::into_raw(Box::new(Provider { behaviour, idp })).cast())),
    }
}

unsafe extern "C" fn destroy(provider: ProviderPtr) {
    // SAFETY: made by `create` with `Box::into_raw`, and given back once.
    let provider = unsafe { Box::from_raw(provider.0.cast::<Provider>().cast_mut()) };
    if provider.behaviour == "loop_in_destroy" {
        loop {
            std::thread::yield_now();
        }
    }
}

unsafe extern "C" fn start(provider: ProviderPtr, request: RSlice<'_, u8>) -> OperationPtr {
    // SAFETY: made by `create`, and alive until `destroy`.
    let provider = unsafe { &*provider.0.cast::<Provider>() };
    let request = Message::decode(request.as_slice()).and_then(|m| m.record::<StartRequest>());
    let name = request.map(|r| r.operation).unwrap_or_default();
    let operation = Operation {
        name,
        behaviour: provider.behaviour.clone(),
        idp: provider.idp.clone(),
        steps: 0,
        answered: 0,
    };
    OperationPtr(Box::into_raw(Box::new(operation)).cast())
}

unsafe extern "C" fn step(operation: OperationPtr, request: RSlice<'_, u8>) -> RVec<u8> {
    // SAFETY: made by `start`, alive until `drop_operation`, and used by one call at a time.
    let operation = unsafe { &mut *operation.0.cast::<Operation>() };
    operation.steps += 1;
    let request =
        Message::decode(request.as_slice()).and_then(|m| m.record::<StepRequest>()).unwrap_or_default();
    operation.answered += request.answers.len();
    match operation.name.as_str() {
        "inspect" if operation.behaviour == "inspect_requests" => pending(&[http(1, &operation.idp)]),
        "inspect" => bytes(&json!({ "state": "done", "result": {
            "realm": "https://raw.example", "issuer": {"value": "https://raw.example", "promised": false}, "origins": [operation.idp], "pkce": "off", "nonce": "off",
            "response_mode": "query", "state_in": "authorization_request", "protocol": "oauth2",
        } })),
        _ => operation.complete(&request),
    }
    .into()
}

unsafe extern "C" fn drop_operation(operation: OperationPtr) {
    // SAFETY: made by `start` with `Box::into_raw`, and given back once.
    let operation = unsafe { Box::from_raw(operation.0.cast::<Operation>()) };
    if operation.behaviour == "loop_in_drop" && operation.name == "complete" {
        loop {
            std::thread::yield_now();
        }
    }
}

fn http(id: u32, url: &str) -> Value {
    json!({ "id": id, "service": "http", "arguments": { "method": "GET", "url": url } })
}

fn pending(requests: &[Value]) -> Vec<u8> {
    bytes(&json!({ "state": "pending", "requests": requests }))
}

fn done(account_id: &str) -> Vec<u8> {
    bytes(&json!({ "state": "done", "result": { "account": { "account_id": account_id } } }))
}

/// Lengths, then whatever is given: no codec of this side has looked at it.
fn forged(head: &[u8], attachments: u32) -> Vec<u8> {
    let mut bytes = u32::try_from(head.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    bytes.extend(attachments.to_le_bytes());
    bytes.extend_from_slice(head);
    bytes
}

impl Operation {
    fn complete(&self, request: &StepRequest) -> Vec<u8> {
        let url = format!("{}/quick", self.idp);
        match (self.behaviour.as_str(), self.steps) {
            ("empty", _) => Vec::new(),
            ("garbage", _) => vec![0xff; 4096],
            ("invalid_utf8", _) => forged(b"{\"state\":\"\xff\xfe\"}", 0),
            ("no_json", _) => forged(b"<html>", 0),
            ("head_over_limit", _) => forged(&vec![b' '; MAX_HEAD + 1], 0),
            ("announces_4_gib", _) => vec![0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0],
            ("many_attachments", _) => forged(b"{}", u32::MAX),
            ("deep", _) => forged(&[vec![b'['; 100_000], vec![b']'; 100_000]].concat(), 0),
            ("unknown_state", _) => bytes(&json!({ "state": "levitating" })),
            ("result_and_error", _) => {
                let error = json!({ "code": code::DENIED, "message": "both" });
                bytes(&json!({ "state": "done", "result": {}, "error": error }))
            }
            ("done_with_nothing", _) => bytes(&json!({ "state": "done" })),
            ("wrong_result", _) => bytes(&json!({ "state": "done", "result": { "account": 7 } })),
            ("float_id", _) => {
                bytes(&json!({ "state": "done", "result": { "account": { "account_id": 1.5 } } }))
            }
            ("unknown_code", _) => {
                let error = json!({ "code": 4711, "message": "canary-code\u{1b}[31m\r\n" });
                bytes(&json!({ "state": "done", "error": error }))
            }
            ("long_message", _) => {
                let error = json!({ "code": code::BAD_ANSWER, "message": "\u{7f}".repeat(100_000) });
                bytes(&json!({ "state": "done", "error": error }))
            }
            ("pending_for_nothing", _) => pending(&[]),
            ("id_twice", _) => pending(&[http(1, &url), http(1, &url)]),
            ("id_again", n) => {
                if n < 3 {
                    pending(&[http(7, &url)])
                } else {
                    done("42")
                }
            }
            ("9_open", _) => pending(&(0..9).map(|n| http(n, &url)).collect::<Vec<_>>()),
            ("33_requests", n) => pending(&[http(n, &url)]),
            ("32_requests", n) => {
                if n <= 32 {
                    pending(&[http(n, &url)])
                } else {
                    done("42")
                }
            }
            ("8_open", 1) => pending(&(0..8).map(|n| http(n, &url)).collect::<Vec<_>>()),
            ("8_open", _) => done(&request.answers.len().to_string()),
            ("unknown_service", 1) => {
                pending(&[json!({ "id": 1, "service": "levitate/9", "arguments": {} })])
            }
            ("unknown_service", _) => {
                let answer = request.answers.first().and_then(|a| a.error.clone());
                done(&answer.map(|f| format!("{} {}", f.code, f.message)).unwrap_or_default())
            }
            ("wrong_arguments", _) => pending(&[json!({ "id": 1, "service": "http", "arguments": [1] })]),
            ("no_such_attachment", _) => {
                let arguments = json!({ "method": "POST", "url": url, "body": 3 });
                pending(&[json!({ "id": 1, "service": "http", "arguments": arguments })])
            }
            ("unasked_attachments", _) => {
                let mut attachments = Attachments::new();
                attachments.push(vec![1; 1000]);
                let record = json!({ "state": "done", "result": { "account": { "account_id": "42" } } });
                attachments.message(&record).and_then(|m| m.encode()).unwrap_or_default()
            }
            ("from_a_later_version", _) => bytes(&json!({
                "state": "done", "weather": "fine",
                "result": { "account": { "account_id": "42", "shoe_size": 43 }, "extra": [1] },
            })),
            ("huge_heads", 1) => {
                let url = format!("{}/large_headers", self.idp);
                pending(&(0..8).map(|n| http(n, &url)).collect::<Vec<_>>())
            }
            ("huge_heads", n) => {
                // Each step brings what fits into a head; the answer tells in how many all came.
                if self.answered == 8 { done(&format!("{n} steps")) } else { pending(&[]) }
            }
            _ => done("42"),
        }
    }
}

extern "C" fn root() -> abi::root::ModuleResult {
    abi::root::construct(|| {
        ProviderModule { describe, create, destroy, start, step, drop_operation }.leak_into_prefix()
    })
}

#[used]
#[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
// SAFETY: `root` gives what `construct` made.
static ROOT: abi::root::Library = unsafe { abi::root::library(root) };

#[used]
#[unsafe(link_section = ".vestibule")]
static SECTION: [u8; abi::section::LEN] =
    abi::section::encode(abi::EPOCH, cfg!(panic = "unwind"), NAME, VERSION);
