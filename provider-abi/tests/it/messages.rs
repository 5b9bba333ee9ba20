//! Whole messages, byte for byte: what each function of the table is given and gives, in each way in which it can go.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use vestibule_abi::message::{Attachments, Message};
use vestibule_abi::record::{
    BeginAnswer, BeginRequest, CompleteAnswer, CompleteRequest, CreateRequest, Description, Failure, Inspect,
    Reply, StartRequest, StepAnswer, StepRequest,
};

use crate::frozen::{file, is_frozen};
use crate::golden::all;

struct Golden {
    name: &'static str,
    bytes: Vec<u8>,
    /// Reads it, and writes what was read.
    again: fn(&[u8]) -> Vec<u8>,
}

fn written<T: Serialize>(record: &T, attachments: Vec<Vec<u8>>) -> Vec<u8> {
    let mut numbered = Attachments::new();
    for (number, attachment) in (0..).zip(attachments) {
        assert_eq!(numbered.push(attachment), Some(number));
    }
    numbered.message(record).unwrap().encode().unwrap()
}

fn again<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Vec<u8> {
    let mut message = Message::decode(bytes).unwrap();
    let record: T = message.record().unwrap();
    let numbers = 0..u32::try_from(message.attachment_count()).unwrap();
    let attachments = numbers.map(|number| message.take_attachment(number).unwrap()).collect();
    written(&record, attachments)
}

fn golden<T: Serialize + DeserializeOwned>(name: &'static str, json: Value, attachments: &[&[u8]]) -> Golden {
    let record: T = serde_json::from_value(json).unwrap();
    let attachments = attachments.iter().map(|attachment| attachment.to_vec()).collect();
    Golden { name, bytes: written(&record, attachments), again: again::<T> }
}

/// The operation's own record inside of the operation, as it is written by whoever knows it.
fn record<T: Serialize + DeserializeOwned>(name: &str) -> Value {
    let full = all().into_iter().find(|golden| golden.name == name).unwrap().full;
    serde_json::to_value(serde_json::from_value::<T>(full).unwrap()).unwrap()
}

fn start(name: &'static str, operation: &str, request: Value) -> Golden {
    let entropy = "0123456789abcdef".repeat(4);
    let json = json!({ "operation": operation, "now_us": 1_800_000_000_000_000_i64, "entropy": entropy, "request": request });
    golden::<StartRequest>(name, json, &[])
}

fn done(name: &'static str, result: Value) -> Golden {
    golden::<StepAnswer>(name, json!({ "state": "done", "result": result }), &[])
}

/// What an operation asks for, and what it is answered.
fn exchange(
    names: [&'static str; 2],
    service: &str,
    asked: (Value, &[&[u8]]),
    told: (Value, &[&[u8]]),
) -> [Golden; 2] {
    let request = json!({ "id": 1, "service": service, "arguments": asked.0 });
    let pending = json!({ "state": "pending", "requests": [request] });
    let answers = json!({ "answers": [{ "id": 1, "response": told.0 }] });
    [golden::<StepAnswer>(names[0], pending, asked.1), golden::<StepRequest>(names[1], answers, told.1)]
}

fn messages() -> Vec<Golden> {
    let failure = record::<Failure>("Failure");
    let http = json!({ "method": "POST", "url": "https://idp.example/token", "headers": [["accept", "application/json"]], "body": 0 });
    let answered = json!({ "status": 200, "headers": [["content-type", "application/json"]], "body": 0 });
    let verify = all().into_iter().find(|golden| golden.name == "VerifyJwtRequest").unwrap().full;
    let mut messages = vec![
        golden::<Reply<Description>>(
            "describe: done",
            json!({ "ok": record::<Description>("Description") }),
            &[],
        ),
        golden::<Reply<Description>>("describe: failed", json!({ "error": failure }), &[]),
        golden::<CreateRequest>("create", record::<CreateRequest>("CreateRequest"), &[]),
        golden::<Failure>("create: failed", failure.clone(), &[]),
        start("start inspect", "inspect", Value::Null),
        start("start begin", "begin", record::<BeginRequest>("BeginRequest")),
        start("start complete", "complete", record::<CompleteRequest>("CompleteRequest")),
        golden::<StepRequest>("step: the first", json!({}), &[]),
        done("inspect: done", record::<Inspect>("Inspect")),
        done(
            "begin: done, a redirect",
            json!({ "redirect": { "url": "https://idp.example/" }, "carry": "c" }),
        ),
        done("begin: done, a form", record::<BeginAnswer>("BeginAnswer")),
        done("complete: done", record::<CompleteAnswer>("CompleteAnswer")),
    ];
    messages.extend(exchange(
        ["step: asks for http", "step: http has answered"],
        "http",
        (http, &[b"code=abc&client_secret=vsec_0123456789abcdefghijklmnopqrstuv"]),
        (answered, &[b"{\"access_token\":\"at\"}\n\0\xff"]),
    ));
    messages.extend(exchange(
        ["step: asks for discover", "step: discover has answered"],
        "discover",
        (json!({ "issuer": "https://idp.example" }), &[]),
        (json!({ "status": 200, "headers": [], "body": 0 }), &[b"{\"issuer\":\"https://idp.example\"}"]),
    ));
    messages.extend(exchange(
        ["step: asks for verify_jwt", "step: verify_jwt has answered"],
        "verify_jwt",
        (verify, &[]),
        (json!({ "claims": 0 }), &[b"{\"sub\":12345678901234567890}"]),
    ));
    let two = json!({ "answers": [{ "id": 7, "response": { "status": 200, "body": 1 } }, { "id": 6, "response": { "status": 200, "body": 0 } }] });
    messages.extend([
        golden::<StepRequest>("step: two answers at once", two, &[b"six", b"seven"]),
        golden::<StepRequest>(
            "step: a request has failed",
            json!({ "answers": [{ "id": 1, "error": failure }] }),
            &[],
        ),
        golden::<StepAnswer>("step: failed", json!({ "state": "done", "error": failure }), &[]),
        golden::<StepAnswer>("step: stuck", json!({ "state": "stuck" }), &[]),
        golden::<StepAnswer>(
            "step: waits, with something to say",
            json!({ "state": "pending", "log": [{ "level": "warn", "message": "m" }] }),
            &[],
        ),
    ]);
    messages
}

/// A line that can be read, and one that can be copied.
fn shown(messages: &[Golden]) -> String {
    let line = |golden: &Golden| {
        let digits: String = golden.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}\n  # {}\n  {digits}\n", golden.name, golden.bytes.escape_ascii())
    };
    messages.iter().map(line).collect()
}

#[test]
fn every_message_is_written_with_the_bytes_of_the_epoch() {
    is_frozen("messages.txt", &shown(&messages()));
}

#[test]
fn every_message_of_the_epoch_is_read() {
    let (file, messages) = (file("messages.txt"), messages());
    let lines: Vec<_> = file.lines().collect();
    assert_eq!(lines.len() % 3, 0);
    for message in lines.chunks(3) {
        let golden = messages.iter().find(|golden| golden.name == message[0]);
        let golden = golden.unwrap_or_else(|| panic!("{} is gone, and plugins still write it", message[0]));
        let digits = message[2].trim().as_bytes();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        let bytes: Vec<_> = digits.chunks(2).map(byte).collect();
        assert_eq!(
            (golden.again)(&bytes).escape_ascii().to_string(),
            bytes.escape_ascii().to_string(),
            "{}",
            golden.name
        );
    }
}
