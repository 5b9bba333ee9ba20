//! A JSON object with members that no serialiser writes: numbers of any length, text that is no text. Knows no member.

use serde_json::{Map, Value};

/// The object.
#[derive(Debug, Clone)]
pub(crate) struct RawObject {
    pub(crate) json: Map<String, Value>,
    raw: Vec<(String, Vec<u8>)>,
}

impl RawObject {
    pub(crate) fn new(json: Map<String, Value>) -> Self {
        Self { json, raw: Vec::new() }
    }

    pub(crate) fn set(&mut self, member: &str, value: impl Into<Value>) {
        self.remove(member);
        self.json.insert(member.to_owned(), value.into());
    }

    /// Puts bytes where a member's value belongs.
    pub(crate) fn set_raw(&mut self, member: &str, value: impl Into<Vec<u8>>) {
        self.remove(member);
        self.raw.push((member.to_owned(), value.into()));
    }

    pub(crate) fn remove(&mut self, member: &str) {
        self.json.remove(member);
        self.raw.retain(|(other, _)| other != member);
    }

    /// The whole, as bytes; raw members come first.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![b'{'];
        for (member, value) in &self.raw {
            bytes.extend(Value::from(member.as_str()).to_string().bytes());
            bytes.push(b':');
            bytes.extend(value);
            bytes.push(b',');
        }
        let rest = Value::Object(self.json.clone()).to_string();
        let rest = rest.trim_start_matches('{');
        if rest == "}" && bytes.len() > 1 {
            bytes.pop();
        }
        bytes.extend(rest.bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::RawObject;

    #[test]
    fn writes_raw_members_beside_the_others() {
        let mut object = RawObject::new(Map::new());
        assert_eq!(object.bytes(), b"{}");
        object.set_raw("n", "1e400");
        assert_eq!(object.bytes(), b"{\"n\":1e400}");
        object.set("a", json!({}));
        assert_eq!(object.bytes(), b"{\"n\":1e400,\"a\":{}}");
        object.set("n", Value::Null);
        assert_eq!(object.bytes(), b"{\"a\":{},\"n\":null}");
    }
}
