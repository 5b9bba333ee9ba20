//! The REST API that sign-in needs: `/user` and its lists. Must not know how a token came about.

mod paging;
mod user;

use http::StatusCode;
use serde_json::{Value, json};

use self::paging::page;
pub(super) use self::user::user;
use crate::answer::Answer;
use crate::fault::Fault;
use crate::ledger::Access;
use crate::lock::lock;
use crate::people::Person;
use crate::request::Request;
use crate::state::State;

const DOCUMENTATION: &str = "https://docs.github.com/rest";

/// `GET /user/emails`, for the scope `user:email`.
pub(super) fn emails(state: &State, request: &Request, fault: Option<Fault>) -> Answer {
    let (access, person) = match admit(state, request) {
        Ok(admitted) => admitted,
        Err(answer) => return answer,
    };
    // Without the scope the list is not shown to exist.
    if !may(&access, &["user:email", "user"]) {
        return dressed(not_found(), &access, "user, user:email");
    }
    let entries = person.emails.iter().map(|email| {
        json!({
            "email": email.address,
            "primary": email.primary,
            "verified": email.verified,
            "visibility": email.primary.then_some("private"),
        })
    });
    dressed(page(state, request, entries.collect(), fault), &access, "user, user:email")
}

/// `GET /user/orgs`, for the scope `read:org`: only organisations that approve the application, without a hint that
/// others are missing.
pub(super) fn orgs(state: &State, request: &Request, fault: Option<Fault>) -> Answer {
    let (access, person) = match admit(state, request) {
        Ok(admitted) => admitted,
        Err(answer) => return answer,
    };
    let accepted = "admin:org, read:org, repo, user, write:org";
    if !may(&access, &["read:org", "write:org", "admin:org", "user"]) {
        let refusal = message(
            StatusCode::FORBIDDEN,
            "You need at least read:org scope or user scope to list your organizations.",
            "/orgs/orgs#list-organizations-for-the-authenticated-user",
        );
        return dressed(refusal, &access, accepted);
    }
    let approving = person.organizations.iter().filter(|organization| organization.approves_application);
    let entries = approving.map(|organization| {
        json!({
            "login": organization.login,
            "id": organization.id,
            "url": format!("{}/api/v3/orgs/{}", state.base_url, organization.login),
            "description": null,
        })
    });
    dressed(page(state, request, entries.collect(), fault), &access, accepted)
}

/// `GET /user/teams`, for the scope `read:org`.
pub(super) fn teams(state: &State, request: &Request, fault: Option<Fault>) -> Answer {
    let (access, person) = match admit(state, request) {
        Ok(admitted) => admitted,
        Err(answer) => return answer,
    };
    let accepted = "admin:org, read:org, repo, user, write:org";
    if !may(&access, &["read:org", "write:org", "admin:org", "user", "repo"]) {
        return dressed(not_found(), &access, accepted);
    }
    let entries = person.teams.iter().map(|team| {
        json!({
            "id": team.id,
            "name": team.slug,
            "slug": team.slug,
            "organization": { "login": team.organization },
        })
    });
    dressed(page(state, request, entries.collect(), fault), &access, accepted)
}

/// Who a request speaks for, or the answer that turns it away.
fn admit(state: &State, request: &Request) -> Result<(Access, Person), Answer> {
    if let Some(answer) = without_user_agent(request) {
        return Err(answer);
    }
    if request.header("x-github-api-version").is_some_and(|version| !is_date(version)) {
        return Err(message(
            StatusCode::BAD_REQUEST,
            "Unknown API version.",
            "/about-the-rest-api/api-versions",
        ));
    }
    let Some(token) = request.bearer() else {
        return Err(message(StatusCode::UNAUTHORIZED, "Requires authentication", ""));
    };
    let access = lock(&state.ledger).access(token).cloned().ok_or_else(bad_credentials)?;
    let person = lock(&state.people).iter().find(|person| person.id == access.person).cloned();
    person.map(|person| (access, person)).ok_or_else(bad_credentials)
}

/// API versions are dates; which ones are served changes, so any is taken.
fn is_date(version: &str) -> bool {
    let shape = |(position, byte): (usize, u8)| match position {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    version.len() == 10 && version.bytes().enumerate().all(shape)
}

fn may(access: &Access, scopes: &[&str]) -> bool {
    access.scopes.iter().any(|scope| scopes.contains(&scope.as_str()))
}

/// The headers of every answer to a known token.
fn dressed(answer: Answer, access: &Access, accepted: &str) -> Answer {
    answer
        .with("x-oauth-scopes", &access.scopes.join(", "))
        .with("x-accepted-oauth-scopes", accepted)
        .with("x-oauth-client-id", &access.client_id)
        .with("x-ratelimit-limit", "5000")
        .with("x-ratelimit-remaining", "4987")
        .with("x-github-media-type", "github.v3; format=json")
}

/// 403 in plain words, as the API's edge answers before anything else is looked at.
pub(super) fn without_user_agent(request: &Request) -> Option<Answer> {
    let named = request.header("user-agent").is_some_and(|agent| !agent.trim().is_empty());
    let text =
        "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.\n";
    (!named).then(|| Answer::text(StatusCode::FORBIDDEN, text))
}

pub(super) fn bad_credentials() -> Answer {
    message(StatusCode::UNAUTHORIZED, "Bad credentials", "")
}

pub(super) fn not_found() -> Answer {
    message(StatusCode::NOT_FOUND, "Not Found", "")
}

fn message(status: StatusCode, text: &str, page: &str) -> Answer {
    let body: Value = json!({
        "message": text,
        "documentation_url": format!("{DOCUMENTATION}{page}"),
        "status": status.as_str(),
    });
    Answer::json(status, &body)
}
