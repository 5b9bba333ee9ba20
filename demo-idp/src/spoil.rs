//! Carries out the faults that need no personality: answers in place of the true one, true answers spoilt, and bodies
//! that misbehave on the wire. Knows bytes and HTTP, no OAuth.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use hyper::body::{Body, Frame, SizeHint};
use serde_json::json;

use crate::answer::Answer;
use crate::fault::{Endpoint, Fault};
use crate::gzip_bomb::GzipBomb;
use crate::ledger::Client;

/// Why a connection ends without the rest.
#[derive(Debug, thiserror::Error)]
#[error("the connection was ended by a fault")]
pub(crate) struct Aborted;

/// The answer that takes the place of the true one, for the faults that have one; the request changes nothing then.
pub(crate) fn instead(fault: Fault, now: Duration) -> Option<Answer> {
    let json_text = |text: String| Answer::new(StatusCode::OK, "application/json; charset=utf-8", text);
    Some(match fault {
        Fault::DeepJson => json_text(format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))),
        Fault::BadJson => json_text(r#"{"id": 1, "access_token": "gho_"#.to_owned()),
        Fault::Html => Answer::html(StatusCode::OK, page("Down for a moment")),
        Fault::ServerError => {
            Answer::html(StatusCode::INTERNAL_SERVER_ERROR, page("This page is taking too long"))
        }
        Fault::Empty => Answer::empty(StatusCode::NO_CONTENT),
        Fault::Redirect => Answer::found("http://169.254.169.254/latest/meta-data/"),
        Fault::ErrorIn200 => Answer::json(
            StatusCode::OK,
            &json!({ "error": "server_error", "error_description": "Something went wrong on this side." }),
        ),
        Fault::RateLimited => {
            limited(StatusCode::TOO_MANY_REQUESTS, "You have exceeded a secondary rate limit.")
                .with("retry-after", "60")
                .with("x-ratelimit-remaining", "4987")
        }
        Fault::RateLimited403 => {
            let reset = now.as_secs().saturating_add(1800).to_string();
            limited(StatusCode::FORBIDDEN, "API rate limit exceeded for user.")
                .with("x-ratelimit-remaining", "0")
                .with("x-ratelimit-reset", &reset)
        }
        _ => return None,
    })
}

fn limited(status: StatusCode, message: &str) -> Answer {
    let documentation = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api";
    Answer::json(status, &json!({ "message": message, "documentation_url": documentation }))
        .with("x-ratelimit-limit", "5000")
        .with("x-ratelimit-resource", "core")
}

fn page(title: &str) -> String {
    format!("<!doctype html><html lang=\"en\"><title>{title}</title><h1>{title}</h1></html>")
}

/// Spoils a true answer.
pub(crate) fn spoil(mut answer: Answer, fault: Fault, endpoint: Endpoint, client: Option<&Client>) -> Answer {
    if fault == Fault::Bom {
        answer.body = [b"\xef\xbb\xbf", answer.body.as_ref()].concat().into();
        return answer;
    }
    if fault == Fault::DuplicateKeys {
        let (key, value) = match endpoint {
            Endpoint::Token => ("access_token", "\"gho_another\""),
            Endpoint::Emails => ("email", "\"somebody-else@example.org\""),
            Endpoint::User => ("id", "1"),
            Endpoint::UserInfo => ("sub", "\"another\""),
            Endpoint::Discovery => ("issuer", "\"https://issuer.example\""),
            Endpoint::Jwks => ("keys", "[]"),
            _ => ("login", "\"another\""),
        };
        return with_member(answer, key, value.as_bytes());
    }
    let Some(client) = client else { return answer };
    let secret = client.secret.as_str();
    let echo = match fault {
        Fault::EchoSecret => secret.to_owned(),
        Fault::EchoSecretPercent => url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        Fault::EchoSecretBase64 => BASE64.encode(secret.as_bytes()),
        Fault::EchoSecretBasic => BASE64.encode(format!("{}:{secret}", client.id).as_bytes()),
        Fault::EchoSecretJson => secret.replace('\\', "\\\\").replace('"', "\\\"").replace('/', "\\/"),
        Fault::EchoSecretUnicode => secret.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect(),
        Fault::EchoSecretHeader => return answer.with("x-debug", secret),
        _ => return answer,
    };
    with_member(answer, "debug", format!("\"{echo}\"").as_bytes())
}

/// Puts a member first into the first object of a JSON answer, or a pair first into a form answer. The value is put in
/// as it is, so that it may be what no serialiser would write.
fn with_member(mut answer: Answer, key: &str, value: &[u8]) -> Answer {
    let body = answer.body.as_ref();
    let is_json =
        answer.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let text = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    let spoilt = if !is_json {
        [key.as_bytes(), b"=", text, b"&", body].concat()
    } else if let Some(brace) = body.iter().position(|byte| *byte == b'{') {
        let (before, after) = body.split_at(brace + 1);
        let comma: &[u8] = if after.starts_with(b"}") { b"" } else { b"," };
        [before, b"\"", key.as_bytes(), b"\":", value, comma, after].concat()
    } else {
        [b"[{\"", key.as_bytes(), b"\":", value, b"}]"].concat()
    };
    answer.body = spoilt.into();
    answer
}

/// The response as it goes to the wire, with the faults that need the connection: all but `stall`, `reset`, `refused`.
pub(crate) fn send(answer: Answer, fault: Option<Fault>, pause: Duration) -> Response<Wire> {
    let Answer { status, mut headers, body } = answer;
    let wire = match fault {
        Some(Fault::Slow) => {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
            Wire::Dribble { rest: body, pause, timer: Box::pin(tokio::time::sleep(Duration::ZERO)) }
        }
        Some(Fault::Cut) => {
            // A redirect has no body to cut, so one byte is promised and withheld.
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len().max(1)));
            Wire::Cut { half: Some(body.slice(..body.len() / 2)), flushed: false }
        }
        Some(Fault::Huge) => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Wire::Endless { opening: true }
        }
        Some(Fault::GzipBomb) => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            Wire::Bomb(Box::new(GzipBomb::new()))
        }
        _ => Wire::Whole(Some(body)),
    };
    let mut response = Response::new(wire);
    *response.status_mut() = status;
    *response.headers_mut() = *headers;
    response
}

/// A body, well or ill.
pub(crate) enum Wire {
    Whole(Option<Bytes>),
    Dribble { rest: Bytes, pause: Duration, timer: Pin<Box<tokio::time::Sleep>> },
    Cut { half: Option<Bytes>, flushed: bool },
    Endless { opening: bool },
    Bomb(Box<GzipBomb>),
}

impl Body for Wire {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        let next = match &mut *self {
            Wire::Whole(body) => body.take(),
            Wire::Dribble { rest, pause, timer } => {
                if rest.is_empty() {
                    return Poll::Ready(None);
                }
                if timer.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                timer.set(tokio::time::sleep(*pause));
                Some(rest.split_to(1))
            }
            Wire::Cut { half, flushed } => match half.take() {
                Some(half) => Some(half),
                // The first half reaches the wire only when the body has nothing to give for a moment.
                None if !*flushed => {
                    *flushed = true;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                None => return Poll::Ready(Some(Err(Aborted))),
            },
            Wire::Endless { opening } => Some(if std::mem::take(opening) {
                Bytes::from_static(br#"{"id":1,"access_token":"gho_demo","padding":""#)
            } else {
                Bytes::from_static(&[b'a'; 16 * 1024])
            }),
            Wire::Bomb(bomb) => bomb.next(),
        };
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Wire::Whole(Some(body)) => SizeHint::with_exact(body.len() as u64),
            Wire::Whole(None) => SizeHint::with_exact(0),
            _ => SizeHint::default(),
        }
    }
}
