//! The codec trusts nothing, and checks every limit on both ways.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use vestibule_abi::message::{
    Attachments, MAX_ATTACHMENT, MAX_ATTACHMENTS, MAX_DEPTH, MAX_HEAD, MAX_MESSAGE, Message, MessageError,
    depth_within,
};

fn message(head: &Value, attachments: &[Vec<u8>]) -> Result<Message, MessageError> {
    let mut all = Attachments::new();
    for attachment in attachments {
        all.push(attachment.clone());
    }
    all.message(head)
}

/// The bytes of a message, without any check.
fn raw(head: &[u8], attachments: &[&[u8]]) -> Vec<u8> {
    let number = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
    let mut bytes = Vec::new();
    bytes.extend(number(head.len()));
    bytes.extend(number(attachments.len()));
    attachments.iter().for_each(|a| bytes.extend(number(a.len())));
    bytes.extend(head);
    attachments.iter().for_each(|a| bytes.extend_from_slice(a));
    bytes
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 40, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(".*", inner, 0..5)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        head in json_value(),
        attachments in vec(vec(any::<u8>(), 1..2000), 0..=MAX_ATTACHMENTS),
    ) {
        let sent = message(&head, &attachments).unwrap();
        let bytes = sent.encode().unwrap();
        let mut got = Message::decode(&bytes).unwrap();
        prop_assert!(got == sent);
        prop_assert_eq!(got.record::<Value>().unwrap(), head);
        prop_assert_eq!(got.attachment_count(), attachments.len());
        for (number, attachment) in (0_u32..).zip(&attachments) {
            prop_assert_eq!(&got.take_attachment(number).unwrap(), attachment);
            prop_assert!(got.take_attachment(number).unwrap().is_empty());
        }
        let past = u32::try_from(attachments.len()).unwrap();
        prop_assert_eq!(got.take_attachment(past), Err(MessageError::NoSuchAttachment(past)));
    }

    #[test]
    fn any_bytes_are_an_error_or_the_one_encoding_of_a_message(bytes in vec(any::<u8>(), 0..300)) {
        if let Ok(message) = Message::decode(&bytes) {
            prop_assert_eq!(message.encode().unwrap(), bytes);
        }
    }

    /// Small numbers at the front, so that many of these are messages.
    #[test]
    fn forged_lengths_are_an_error_or_the_one_encoding_of_a_message(
        head_len in 0_u32..20,
        lengths in vec(0_u32..20, 0..12),
        rest in vec(any::<u8>(), 0..120),
    ) {
        let mut bytes = head_len.to_le_bytes().to_vec();
        bytes.extend(u32::try_from(lengths.len()).unwrap().to_le_bytes());
        lengths.iter().for_each(|n| bytes.extend(n.to_le_bytes()));
        bytes.extend(rest);
        if let Ok(message) = Message::decode(&bytes) {
            prop_assert_eq!(message.encode().unwrap(), bytes);
            let _ = message.record::<Value>();
        }
    }

    #[test]
    fn one_changed_byte_is_an_error_or_the_one_encoding_of_a_message(
        head in json_value(),
        attachment in vec(any::<u8>(), 0..50),
        at in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        let mut bytes = message(&head, &[attachment]).unwrap().encode().unwrap();
        let at = at.index(bytes.len());
        bytes[at] = value;
        if let Ok(message) = Message::decode(&bytes) {
            prop_assert_eq!(message.encode().unwrap(), bytes);
        }
    }

    #[test]
    fn every_cut_and_every_byte_more_is_refused(
        head in json_value(),
        attachments in vec(vec(any::<u8>(), 1..20), 0..4),
        cut in any::<prop::sample::Index>(),
        more in vec(any::<u8>(), 1..20),
    ) {
        let bytes = message(&head, &attachments).unwrap().encode().unwrap();
        let cut = cut.index(bytes.len());
        prop_assert!(Message::decode(&bytes[..cut]).is_err());
        let longer = [bytes, more].concat();
        prop_assert!(matches!(Message::decode(&longer), Err(MessageError::Length { .. })), "trailing bytes");
    }

    /// The scan agrees with a count over the parsed value, whatever brackets stand in strings.
    #[test]
    fn depth_is_counted_outside_of_strings(value in json_value(), limit in 0_usize..8) {
        fn depth(value: &Value) -> usize {
            match value {
                Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
                Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
                _ => 0,
            }
        }
        prop_assert_eq!(depth_within(value.to_string().as_bytes(), limit), depth(&value) <= limit);
    }
}

#[test]
fn a_head_may_be_as_long_as_the_limit_and_no_longer() {
    let text = |head_len: usize| "x".repeat(head_len - 2);
    let full = Message::new(&text(MAX_HEAD)).unwrap();
    let bytes = full.encode().unwrap();
    assert_eq!(Message::decode(&bytes).unwrap(), full);
    assert_eq!(Message::new(&text(MAX_HEAD + 1)), Err(MessageError::HeadTooLong(MAX_HEAD + 1)));
    let over = serde_json::to_vec(&text(MAX_HEAD + 1)).unwrap();
    assert_eq!(Message::decode(&raw(&over, &[])), Err(MessageError::HeadTooLong(MAX_HEAD + 1)));
    // The length alone suffices: nothing is reserved for it.
    assert_eq!(
        Message::decode(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
        Err(MessageError::HeadTooLong(u32::MAX as usize))
    );
}

#[test]
fn an_attachment_may_be_as_long_as_the_limit_and_no_longer() {
    let full = message(&json!(1), &[vec![7; MAX_ATTACHMENT]]).unwrap();
    assert_eq!(Message::decode(&full.encode().unwrap()).unwrap(), full);
    let over = vec![7; MAX_ATTACHMENT + 1];
    let expected = MessageError::AttachmentTooLong(MAX_ATTACHMENT + 1);
    assert_eq!(message(&json!(1), std::slice::from_ref(&over)).unwrap().encode(), Err(expected.clone()));
    assert_eq!(Message::decode(&raw(b"1", &[&over])), Err(expected));
}

#[test]
fn there_may_be_as_many_attachments_as_the_limit_and_no_more() {
    let full = message(&json!(1), &vec![vec![7]; MAX_ATTACHMENTS]).unwrap();
    assert_eq!(Message::decode(&full.encode().unwrap()).unwrap(), full);
    let over = message(&json!(1), &vec![vec![7]; MAX_ATTACHMENTS + 1]).unwrap();
    let expected = MessageError::TooManyAttachments(MAX_ATTACHMENTS + 1);
    assert_eq!(over.encode(), Err(expected.clone()));
    assert_eq!(Message::decode(&raw(b"1", &[&b"x"[..]; MAX_ATTACHMENTS + 1])), Err(expected));
}

#[test]
fn the_longest_message_is_as_long_as_it_says() {
    let head = "x".repeat(MAX_HEAD - 2);
    let longest = message(&json!(head), &vec![vec![7; MAX_ATTACHMENT]; MAX_ATTACHMENTS]).unwrap();
    assert_eq!(longest.encode().unwrap().len(), MAX_MESSAGE);
}

#[test]
fn a_head_may_be_as_deep_as_the_limit_and_no_deeper() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let full: Value = serde_json::from_str(&nested(MAX_DEPTH)).unwrap();
    let bytes = Message::new(&full).unwrap().encode().unwrap();
    assert_eq!(Message::decode(&bytes).unwrap().record::<Value>().unwrap(), full);
    let over: Value = serde_json::from_str(&nested(MAX_DEPTH + 1)).unwrap();
    assert_eq!(Message::new(&over), Err(MessageError::TooDeep));
    for deep in [nested(MAX_DEPTH + 1), "[".repeat(100_000), "{\"a\":".repeat(50_000)] {
        assert_eq!(Message::decode(&raw(deep.as_bytes(), &[])), Err(MessageError::TooDeep));
    }
    // Brackets in strings and behind escapes are text.
    for flat in [
        r#""[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[""#,
        r#"{"\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[":"\\"}"#,
    ] {
        assert!(Message::decode(&raw(flat.as_bytes(), &[])).unwrap().record::<Value>().is_ok());
    }
}

#[test]
fn a_head_that_is_no_record_is_refused_without_repeating_it() {
    for head in
        ["", "gho_secret", "\"gho_secret", "[\"gho_secret\"]", "{\"code\":\"gho_secret\"}", "\u{0}gho_secret"]
    {
        let message = Message::decode(&raw(head.as_bytes(), &[])).unwrap();
        let error = message.record::<vestibule_abi::record::Failure>().unwrap_err();
        assert!(matches!(error, MessageError::Record(_)));
        assert!(!error.to_string().contains("gho_"), "{error}");
    }
    let not_utf8 = Message::decode(&raw(b"{\"code\":1,\"message\":\"\xff\xfe\"}", &[])).unwrap();
    assert!(not_utf8.record::<vestibule_abi::record::Failure>().is_err());
    let twice = Message::decode(&raw(b"{\"code\":1,\"code\":2,\"message\":\"\"}", &[])).unwrap();
    assert!(twice.record::<vestibule_abi::record::Failure>().is_err());
    let more = Message::decode(&raw(b"{\"code\":1,\"message\":\"\"} {}", &[])).unwrap();
    assert!(more.record::<vestibule_abi::record::Failure>().is_err());
}

#[test]
fn an_empty_body_needs_no_attachment() {
    let mut attachments = Attachments::new();
    assert_eq!(attachments.push(Vec::new()), None);
    assert_eq!(attachments.push(vec![1]), Some(0));
    assert_eq!(attachments.push(Vec::new()), None);
    assert_eq!(attachments.push(vec![2]), Some(1));
    assert_eq!(attachments.message(&json!({})).unwrap().attachment_count(), 2);
}

#[test]
fn debug_shows_sizes_only() {
    let message = message(&json!({ "token": "gho_secret" }), &[b"gho_secret".to_vec()]).unwrap();
    assert_eq!(format!("{message:?}"), "Message { head: 22 bytes, attachments: [10] }");
}
