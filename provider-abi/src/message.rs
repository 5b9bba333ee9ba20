//! The codec: a JSON head and numbered attachments.
//!
//! ```text
//! u32 LE   length of the head
//! u32 LE   number of attachments, n
//! n × u32 LE   their lengths
//! the head, then the attachments, back to back, and nothing after them
//! ```
//!
//! Bodies travel as attachments, since bytes as JSON numbers cost a hundred times as much. The decoder trusts nothing:
//! the other side may be hostile. Every limit is checked on the way out as well, so that an oversized message fails at
//! the one who made it.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The largest head, in bytes.
pub const MAX_HEAD: usize = 256 * 1024;
/// The largest attachment, in bytes.
pub const MAX_ATTACHMENT: usize = 1024 * 1024;
/// The largest number of attachments: one for each request that may be open at once ([`MAX_OPEN_REQUESTS`]).
pub const MAX_ATTACHMENTS: usize = MAX_OPEN_REQUESTS;
/// How deeply the head's JSON may be nested.
pub const MAX_DEPTH: usize = 32;
/// How many requests to the host one operation may have open at once.
pub const MAX_OPEN_REQUESTS: usize = 8;
/// How many requests to the host one operation may make in all.
pub const MAX_REQUESTS: usize = 32;
/// The longest encoded message, in bytes.
pub const MAX_MESSAGE: usize = 8 + 4 * MAX_ATTACHMENTS + MAX_HEAD + MAX_ATTACHMENTS * MAX_ATTACHMENT;

/// One message: what a call carries in either direction.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Message {
    head: Vec<u8>,
    attachments: Vec<Vec<u8>>,
}

/// Sizes only: heads carry settings and tokens.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lengths: Vec<usize> = self.attachments.iter().map(Vec::len).collect();
        write!(f, "Message {{ head: {} bytes, attachments: {lengths:?} }}", self.head.len())
    }
}

/// Why bytes are no message, or a message cannot be sent. The limit stands in each text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageError {
    /// The bytes end before the lengths say so, or go on after them.
    Length {
        /// What the lengths at the front add up to.
        announced: usize,
        /// How many bytes there are.
        found: usize,
    },
    /// The head is longer than [`MAX_HEAD`].
    HeadTooLong(usize),
    /// An attachment is longer than [`MAX_ATTACHMENT`].
    AttachmentTooLong(usize),
    /// There are more than [`MAX_ATTACHMENTS`].
    TooManyAttachments(usize),
    /// The head is nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// The head is not the JSON record that was expected. The text is the parser's, without the input.
    Record(String),
    /// A record names an attachment that the message does not have.
    NoSuchAttachment(u32),
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { announced, found } => {
                write!(f, "message of {found} bytes announces {announced}")
            }
            Self::HeadTooLong(n) => write!(f, "head of {n} bytes is over the limit of {MAX_HEAD}"),
            Self::AttachmentTooLong(n) => {
                write!(f, "attachment of {n} bytes is over the limit of {MAX_ATTACHMENT}")
            }
            Self::TooManyAttachments(n) => {
                write!(f, "{n} attachments are over the limit of {MAX_ATTACHMENTS}")
            }
            Self::TooDeep => write!(f, "head is nested deeper than {MAX_DEPTH}"),
            Self::Record(why) => write!(f, "head is not the expected record: {why}"),
            Self::NoSuchAttachment(n) => {
                write!(f, "record names attachment {n}, which the message does not have")
            }
        }
    }
}

impl std::error::Error for MessageError {}

impl Message {
    /// A message with this record as its head.
    pub fn new<T: Serialize>(record: &T) -> Result<Self, MessageError> {
        let head = serde_json::to_vec(record).map_err(|e| MessageError::Record(e.to_string()))?;
        check_head(&head)?;
        Ok(Self { head, attachments: Vec::new() })
    }

    fn with_attachments(mut self, attachments: Vec<Vec<u8>>) -> Self {
        self.attachments = attachments;
        self
    }

    /// The head, read as a record. Fields that the record does not know are ignored.
    pub fn record<T: DeserializeOwned>(&self) -> Result<T, MessageError> {
        serde_json::from_slice(&self.head).map_err(|e| MessageError::Record(category(&e)))
    }

    /// Takes the attachment of that number out of the message; a second taking finds it empty.
    pub fn take_attachment(&mut self, number: u32) -> Result<Vec<u8>, MessageError> {
        usize::try_from(number)
            .ok()
            .and_then(|n| self.attachments.get_mut(n))
            .map(std::mem::take)
            .ok_or(MessageError::NoSuchAttachment(number))
    }

    /// How many attachments there are.
    pub fn attachment_count(&self) -> usize {
        self.attachments.len()
    }

    /// The bytes to send.
    pub fn encode(&self) -> Result<Vec<u8>, MessageError> {
        check_head(&self.head)?;
        if self.attachments.len() > MAX_ATTACHMENTS {
            return Err(MessageError::TooManyAttachments(self.attachments.len()));
        }
        if let Some(long) = self.attachments.iter().find(|a| a.len() > MAX_ATTACHMENT) {
            return Err(MessageError::AttachmentTooLong(long.len()));
        }
        let body: usize = self.attachments.iter().map(Vec::len).sum();
        let mut bytes = Vec::with_capacity(8 + 4 * self.attachments.len() + self.head.len() + body);
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
        bytes.extend(number(self.head.len()));
        bytes.extend(number(self.attachments.len()));
        for attachment in &self.attachments {
            bytes.extend(number(attachment.len()));
        }
        bytes.extend_from_slice(&self.head);
        for attachment in &self.attachments {
            bytes.extend_from_slice(attachment);
        }
        Ok(bytes)
    }

    /// Reads what [`Message::encode`] wrote, from a side that is not trusted.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let length = |at: usize| -> Option<usize> {
            let field = bytes.get(at..at.checked_add(4)?)?;
            Some(u32::from_le_bytes(field.try_into().ok()?) as usize)
        };
        let short = |announced| MessageError::Length { announced, found: bytes.len() };
        let head_len = length(0).ok_or_else(|| short(8))?;
        let count = length(4).ok_or_else(|| short(8))?;
        if head_len > MAX_HEAD {
            return Err(MessageError::HeadTooLong(head_len));
        }
        if count > MAX_ATTACHMENTS {
            return Err(MessageError::TooManyAttachments(count));
        }
        let front = 8 + 4 * count;
        let mut lengths = Vec::with_capacity(count);
        for n in 0..count {
            let len = length(8 + 4 * n).ok_or_else(|| short(front))?;
            if len > MAX_ATTACHMENT {
                return Err(MessageError::AttachmentTooLong(len));
            }
            lengths.push(len);
        }
        let announced = front + head_len + lengths.iter().sum::<usize>();
        if announced != bytes.len() {
            return Err(short(announced));
        }
        let (head, mut rest) = bytes[front..].split_at(head_len);
        check_head(head)?;
        let attachments = lengths
            .into_iter()
            .map(|len| {
                let (attachment, after) = rest.split_at(len);
                rest = after;
                attachment.to_vec()
            })
            .collect();
        Ok(Self { head: head.to_vec(), attachments })
    }
}

/// Collects attachments while the record that names them is being written.
#[derive(Default)]
pub struct Attachments(Vec<Vec<u8>>);

impl Attachments {
    /// None so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one and gives its number. An empty body needs none: `None`.
    pub fn push(&mut self, bytes: Vec<u8>) -> Option<u32> {
        if bytes.is_empty() {
            return None;
        }
        self.0.push(bytes);
        u32::try_from(self.0.len() - 1).ok()
    }

    /// The message of this record and these attachments.
    pub fn message<T: Serialize>(self, record: &T) -> Result<Message, MessageError> {
        Ok(Message::new(record)?.with_attachments(self.0))
    }
}

/// The parser's complaint without a piece of the input in it: heads carry tokens.
fn category(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Io => "unreadable",
        serde_json::error::Category::Syntax => "syntax error",
        serde_json::error::Category::Data => "a field is missing or of the wrong type",
        serde_json::error::Category::Eof => "it ends too early",
    };
    format!("{kind} at line {} column {}", error.line(), error.column())
}

fn check_head(head: &[u8]) -> Result<(), MessageError> {
    if head.len() > MAX_HEAD {
        return Err(MessageError::HeadTooLong(head.len()));
    }
    if !depth_within(head, MAX_DEPTH) {
        return Err(MessageError::TooDeep);
    }
    Ok(())
}

/// Whether JSON is nested at most so deep. Reads brackets outside of strings only, so it is safe to ask before any
/// parser has seen the bytes.
pub fn depth_within(json: &[u8], limit: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return false;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}
