//! Lists in pages, with the `Link` header of "Using pagination in the REST API" (RFC 8288). Knows no entry.

use http::StatusCode;
use serde_json::Value;

use crate::answer::Answer;
use crate::fault::Fault;
use crate::request::Request;
use crate::state::State;

/// The page that `page` and `per_page` ask for: 30 entries unless said, 100 at most.
pub(super) fn page(state: &State, request: &Request, entries: Vec<Value>, fault: Option<Fault>) -> Answer {
    let number = |name: &str| request.query_param(name).and_then(|value| value.parse::<usize>().ok());
    let size = number("per_page").filter(|size| *size > 0).unwrap_or(30).min(100);
    let current = number("page").filter(|page| *page > 0).unwrap_or(1);
    let last = entries.len().div_ceil(size).max(1);
    let link = |page: usize, relation: &str| {
        format!("<{}{}?per_page={size}&page={page}>; rel=\"{relation}\"", state.base_url, request.path)
    };
    let start = match fault {
        // The same entries again and again.
        Some(Fault::EndlessPages) => 0,
        _ => size.saturating_mul(current - 1),
    };
    let shown: Vec<Value> = entries.into_iter().skip(start).take(size).collect();
    let mut links = Vec::new();
    if current > 1 {
        links.push(link(current - 1, "prev"));
        links.push(link(1, "first"));
    }
    match fault {
        Some(Fault::EndlessPages) => links.push(link(current.saturating_add(1), "next")),
        Some(Fault::NextLinkElsewhere) => {
            let next = link(current.saturating_add(1), "next");
            links.push(next.replacen(&state.base_url, &state.other_origin, 1));
        }
        _ if current < last => {
            links.push(link(current + 1, "next"));
            links.push(link(last, "last"));
        }
        _ => {}
    }
    let answer = Answer::json(StatusCode::OK, &Value::Array(shown));
    if links.is_empty() { answer } else { answer.with("link", &links.join(", ")) }
}
