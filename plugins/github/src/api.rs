//! GitHub's REST API, as far as a sign-in needs it.

use std::time::SystemTime;

use vestibule_provider::Pages;
use vestibule_provider::prelude::*;

use crate::instance::Instance;

/// How many pages of a hundred are read of any list.
const MAX_PAGES: usize = 10;

/// The API with one person's access token.
pub(crate) struct Api<'a> {
    host: &'a Host,
    base: &'a str,
    token: &'a Sensitive,
}

/// `GET /user` ("Get the authenticated user"). Its `email` is a profile field that people type in, and so is left out;
/// its `node_id` changed its format once.
#[derive(Deserialize)]
pub(crate) struct User {
    pub(crate) id: NumericId,
    pub(crate) login: String,
    pub(crate) name: Option<String>,
    pub(crate) avatar_url: Option<String>,
}

/// One of `GET /user/emails` ("List email addresses for the authenticated user").
#[derive(Deserialize)]
pub(crate) struct Email {
    pub(crate) email: String,
    pub(crate) primary: bool,
    pub(crate) verified: bool,
}

/// One of `GET /user/orgs` ("List organizations for the authenticated user").
#[derive(Deserialize)]
pub(crate) struct Organization {
    pub(crate) id: NumericId,
    pub(crate) login: String,
}

impl<'a> Api<'a> {
    pub(crate) fn new(host: &'a Host, instance: &'a Instance, token: &'a Sensitive) -> Self {
        Self { host, base: instance.api(), token }
    }

    pub(crate) async fn user(&self) -> Result<User> {
        let response = self.host.send(self.request("/user")).await?;
        self.not_limited(response)?.success_json()
    }

    /// The primary address, if it is verified. `None` also where the app may not see addresses: a GitHub App without the
    /// permission "Email addresses" gets 403 or 404, and the sign-in does not need one.
    pub(crate) async fn primary_email(&self) -> Result<Option<Email>> {
        let mut pages = self.list("/user/emails");
        while let Some(page) = pages.next().await? {
            let page = self.not_limited(page)?;
            if matches!(page.status(), 403 | 404) {
                self.host.log(
                    Level::Info,
                    "the app may not read e-mail addresses (scope `user:email`, or a GitHub App's permission \
                     \"Email addresses\"): the account is taken without one",
                );
                return Ok(None);
            }
            let emails: Vec<Email> = page.success_json()?;
            if let Some(primary) = emails.into_iter().find(|e| e.primary) {
                return Ok(Some(primary).filter(|e| e.verified));
            }
        }
        Ok(None)
    }

    /// The organizations whose membership the app may see: all pages of them, or an error.
    pub(crate) async fn organizations(&self) -> Result<Vec<Organization>> {
        let mut organizations = Vec::new();
        let mut pages = self.list("/user/orgs");
        while let Some(page) = pages.next().await? {
            let page = self.not_limited(page)?;
            if matches!(page.status(), 403 | 404) {
                return Err(Error::refused(
                    "github does not tell the person's organizations: the app lacks the scope `read:org`, or a GitHub \
                     App the permission \"Members\"",
                ));
            }
            organizations.extend(page.success_json::<Vec<Organization>>()?);
        }
        Ok(organizations)
    }

    fn list(&self, path: &str) -> Pages<'a> {
        self.host.pages(self.request(&format!("{path}?per_page=100")), MAX_PAGES)
    }

    fn request(&self, path: &str) -> Request {
        Request::get(format!("{}{path}", self.base))
            .bearer(self.token)
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28")
            .header("user-agent", concat!("vestibule-plugin-github/", env!("CARGO_PKG_VERSION")))
    }

    /// GitHub limits with 403 as well as 429 ("Rate limits for the REST API"): `retry-after` says how long, or
    /// `x-ratelimit-remaining: 0` that the hour is used up, and `x-ratelimit-reset` when the next one begins.
    fn not_limited(&self, response: Response) -> Result<Response> {
        if !matches!(response.status(), 403 | 429) {
            return Ok(response);
        }
        let exhausted = response.header_value("x-ratelimit-remaining").is_some_and(|n| n.trim() == "0");
        let until_reset = || {
            let reset: u64 = response.header_value("x-ratelimit-reset")?.trim().parse().ok()?;
            let now = self.host.now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
            // The documented wait is an hour; a clock that is wrong must not make years of it.
            Some(reset.saturating_sub(now.as_secs()).min(24 * 60 * 60))
        };
        match response.retry_after_s() {
            Some(seconds) => Err(Error::rate_limited(Some(seconds))),
            None if exhausted => Err(Error::rate_limited(until_reset())),
            None if response.status() == 429 => Err(Error::rate_limited(None)),
            None => Ok(response),
        }
    }
}
