//! An account as JSON, and every way in which one can come out wrong. Shared by all personalities, which name the members.

use http::StatusCode;
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::fault::Fault;

/// What a personality calls the members that a fault can spoil.
pub(crate) struct Members {
    pub(crate) id: &'static str,
    pub(crate) login: &'static str,
    pub(crate) name: &'static str,
    pub(crate) avatar: &'static str,
}

/// An account, with members that no serialiser writes.
pub(crate) struct Account {
    json: Map<String, Value>,
    raw: Vec<(&'static str, Vec<u8>)>,
}

impl Account {
    pub(crate) fn new(json: Map<String, Value>) -> Self {
        Self { json, raw: Vec::new() }
    }

    /// Puts bytes where a member's value belongs.
    #[must_use]
    pub(crate) fn with_raw(mut self, member: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.raw.retain(|(other, _)| *other != member);
        self.raw.push((member, value.into()));
        self
    }

    /// With one member as the fault has it; `id` are the digits of the account's own.
    #[must_use]
    pub(crate) fn spoilt(mut self, members: &Members, id: &str, fault: Option<Fault>) -> Self {
        let Some(fault) = fault else { return self };
        let (member, raw): (_, Vec<u8>) = match fault {
            Fault::FloatId => (members.id, b"1.5".to_vec()),
            Fault::TextId => (members.id, format!("\"{id}\"").into_bytes()),
            Fault::NullId => (members.id, b"null".to_vec()),
            Fault::EmptyId => (members.id, b"\"\"".to_vec()),
            Fault::NegativeId => (members.id, b"-1".to_vec()),
            Fault::ExponentId => (members.id, b"1e3".to_vec()),
            Fault::BigId => (members.id, b"9223372036854775808".to_vec()),
            Fault::MissingId => {
                self.json.remove(members.id);
                self.raw.retain(|(other, _)| *other != members.id);
                return self;
            }
            Fault::NulInName => (members.name, b"\"No\\u0000body\"".to_vec()),
            Fault::InvalidUtf8 => (members.name, b"\"No\xff\xfebody\"".to_vec()),
            Fault::LoneSurrogate => (members.name, b"\"No\\ud800body\"".to_vec()),
            Fault::HugeName => (members.name, [b"\"", vec![b'n'; 1024 * 1024].as_slice(), b"\""].concat()),
            Fault::ScriptAvatar => (members.avatar, b"\"javascript:alert(document.domain)\"".to_vec()),
            Fault::ControlLogin => (members.login, b"\"mal\\r\\nSet-Cookie: x=y\\u001b[2Jlory\"".to_vec()),
            _ => return self,
        };
        self.with_raw(member, raw)
    }

    /// 200 with the whole.
    pub(crate) fn answer(mut self) -> Answer {
        for (number, (member, _)) in self.raw.iter().enumerate() {
            self.json.insert((*member).to_owned(), Value::from(hole(number)));
        }
        let mut answer = Answer::json(StatusCode::OK, &Value::Object(self.json));
        for (number, (_, raw)) in self.raw.iter().enumerate() {
            answer.body = fill(&answer.body, &format!("\"{}\"", hole(number)), raw).into();
        }
        answer
    }
}

fn hole(number: usize) -> String {
    format!("@hole{number}@")
}

fn fill(body: &[u8], hole: &str, filling: &[u8]) -> Vec<u8> {
    match body.windows(hole.len()).position(|window| window == hole.as_bytes()) {
        Some(at) => {
            let (before, rest) = body.split_at(at);
            [before, filling, rest.get(hole.len()..).unwrap_or_default()].concat()
        }
        None => body.to_vec(),
    }
}

/// The members of a JSON object; none of anything else.
pub(crate) fn object(json: Value) -> Map<String, Value> {
    match json {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
