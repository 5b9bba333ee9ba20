//! GitLab's REST API, as far as a sign-in needs it.

use vestibule_provider::prelude::*;

use crate::instance::Instance;

/// The API with one person's access token.
pub(crate) struct Api<'a> {
    host: &'a Host,
    base: String,
    token: &'a Sensitive,
}

/// `GET /user` ("Users API", "Retrieve the current user"). Its `email` is the primary one, which the ID token has with a
/// flag.
#[derive(Deserialize)]
pub(crate) struct Account {
    id: NumericId,
    username: String,
    name: Option<String>,
    avatar_url: Option<String>,
    state: String,
    /// Too many wrong passwords. Old instances do not tell.
    #[serde(default)]
    locked: bool,
}

impl<'a> Api<'a> {
    pub(crate) fn new(host: &'a Host, instance: &Instance, token: &'a Sensitive) -> Self {
        Self { host, base: instance.api(), token }
    }

    /// The account whose token this is.
    pub(crate) async fn account(&self) -> Result<Account> {
        let request = Request::get(format!("{}/user", self.base)).bearer(self.token).accept_json();
        let response = self.host.send(request).await?;
        if response.status() == 403 {
            return Err(forbidden(&response));
        }
        response.success_json()
    }
}

/// GitLab forbids either this account ("Your account has been blocked") or what the token may do (RFC 6750 §3.1).
fn forbidden(response: &Response) -> Error {
    #[derive(Deserialize)]
    struct Named {
        error: String,
    }
    match response.json::<Named>() {
        Ok(named) if named.error == "insufficient_scope" => Error::misconfigured(
            "gitlab does not tell the account's state: tick `read_user` on the application's page",
        ),
        _ => Error::refused(
            "gitlab lets this account read nothing: it is blocked, deactivated, or has terms to accept",
        ),
    }
}

impl Account {
    /// Lets the account in, if it is the one of the ID token, and one that GitLab itself would let in.
    pub(crate) fn admit(&self, subject: &str) -> Result<()> {
        if self.id.as_str() != subject {
            return Err(Error::bad_answer(
                "the API's `id` is not the ID token's `sub`: the access token is another account's",
            ));
        }
        if self.state != "active" {
            // `blocked`, `ldap_blocked`, `deactivated`, `banned`, `blocked_pending_approval` …
            let state: String =
                self.state.chars().filter(|c| c.is_ascii_lowercase() || *c == '_').take(40).collect();
            return Err(Error::refused(format_args!(
                "the account is `{state}` at gitlab, and only `active` ones come in"
            )));
        }
        if self.locked {
            return Err(Error::refused("the account is locked at gitlab, after too many wrong passwords"));
        }
        Ok(())
    }

    pub(crate) fn into_user_info(self) -> UserInfo {
        UserInfo::new(self.id).login(self.username).name(self.name).avatar_url(self.avatar_url)
    }
}
