//! A GitHub that answers from the fixtures, and a test's exceptions.

use serde_json::{Value, json};
use vestibule_plugin_github::GitHub;
use vestibule_provider::testing::{self, TestProvider};
use vestibule_provider::{Request, Response, Result};

pub(crate) const TOKEN: &str = include_str!("../fixtures/token.json");
pub(crate) const TOKEN_EXPIRING: &str = include_str!("../fixtures/token_expiring.json");
pub(crate) const TOKEN_ERROR: &str = include_str!("../fixtures/token_error.json");
pub(crate) const USER: &str = include_str!("../fixtures/user.json");
pub(crate) const EMAILS: &str = include_str!("../fixtures/user_emails.json");
pub(crate) const ORGANIZATIONS_1: &str = include_str!("../fixtures/user_orgs_1.json");
pub(crate) const ORGANIZATIONS_2: &str = include_str!("../fixtures/user_orgs_2.json");
pub(crate) const FORBIDDEN: &str = include_str!("../fixtures/forbidden.json");
pub(crate) const RATE_LIMITED: &str = include_str!("../fixtures/rate_limited.json");

pub(crate) const CODE: &[(&str, &str)] = &[("code", "a-code")];

/// A provider for github.com, with these settings beside or in the place of the usual ones.
pub(crate) fn github(settings: Value) -> TestProvider {
    try_github(settings).unwrap_or_else(|e| panic!("{e}"))
}

pub(crate) fn try_github(settings: Value) -> Result<TestProvider> {
    let mut all =
        json!({ "client_id": "Iv1.8a61f9b3a7aba766", "client_secret": testing::handle("client_secret") });
    all.as_object_mut().unwrap().extend(settings.as_object().cloned().unwrap_or_default());
    testing::provider::<GitHub>(all)
}

pub(crate) fn answer(body: impl Into<Vec<u8>>) -> Result<Response> {
    Ok(Response::new(200).json_text(body))
}

/// The path of a request, which says what it is about.
pub(crate) fn path(request: &Request) -> String {
    let url = vestibule_provider::Url::parse(request.url()).unwrap();
    url.path().trim_start_matches("/api/v3").to_owned()
}

/// Everything goes well, and organizations come in two pages.
pub(crate) fn well(request: &Request) -> Result<Response> {
    match path(request).as_str() {
        "/login/oauth/access_token" => answer(TOKEN),
        "/user" => answer(USER),
        "/user/emails" => answer(EMAILS),
        "/user/orgs" if request.url().ends_with("&page=2") => answer(ORGANIZATIONS_2),
        "/user/orgs" => {
            let next =
                format!("<{}&page=2>; rel=\"next\", <{}&page=2>; rel=\"last\"", request.url(), request.url());
            Ok(answer(ORGANIZATIONS_1)?.header("link", next))
        }
        other => panic!("{other} is no endpoint that a sign-in needs"),
    }
}

/// All goes well but for one endpoint.
pub(crate) fn but(
    endpoint: &'static str,
    mut exception: impl FnMut(&Request) -> Result<Response>,
) -> impl FnMut(&Request) -> Result<Response> {
    move |request| if path(request) == endpoint { exception(request) } else { well(request) }
}
