//! An account as JSON, and every way in which one can come out wrong. Shared by all personalities, which name the members.

use http::StatusCode;
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::fault::Fault;
use crate::raw_object::RawObject;

/// What a personality calls the members that a fault can spoil.
pub(crate) struct Members {
    pub(crate) id: &'static str,
    pub(crate) login: &'static str,
    pub(crate) name: &'static str,
    pub(crate) avatar: &'static str,
}

/// Changes one member as the fault has it; `id` are the digits of the account's own.
pub(crate) fn spoil(account: &mut RawObject, members: &Members, id: &str, fault: Option<Fault>) {
    let Some(fault) = fault else { return };
    let (member, raw): (_, Vec<u8>) = match fault {
        Fault::FloatId => (members.id, b"1.5".to_vec()),
        Fault::TextId => (members.id, format!("\"{id}\"").into_bytes()),
        Fault::NullId => (members.id, b"null".to_vec()),
        Fault::EmptyId => (members.id, b"\"\"".to_vec()),
        Fault::NegativeId => (members.id, b"-1".to_vec()),
        Fault::ExponentId => (members.id, b"1e3".to_vec()),
        Fault::BigId => (members.id, b"9223372036854775808".to_vec()),
        Fault::MissingId => return account.remove(members.id),
        Fault::NulInName => (members.name, b"\"No\\u0000body\"".to_vec()),
        Fault::InvalidUtf8 => (members.name, b"\"No\xff\xfebody\"".to_vec()),
        Fault::LoneSurrogate => (members.name, b"\"No\\ud800body\"".to_vec()),
        Fault::HugeName => (members.name, [b"\"", vec![b'n'; 1024 * 1024].as_slice(), b"\""].concat()),
        Fault::ScriptAvatar => (members.avatar, b"\"javascript:alert(document.domain)\"".to_vec()),
        Fault::ControlLogin => (members.login, b"\"mal\\r\\nSet-Cookie: x=y\\u001b[2Jlory\"".to_vec()),
        _ => return,
    };
    account.set_raw(member, raw);
}

/// 200 with the whole.
pub(crate) fn answer(account: &RawObject) -> Answer {
    Answer::new(StatusCode::OK, "application/json; charset=utf-8", account.bytes())
}

/// The members of a JSON object; none of anything else.
pub(crate) fn object(json: Value) -> Map<String, Value> {
    match json {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
