//! The operator's settings: what they are, and what no schema can say about them.

use std::collections::BTreeMap;

use vestibule_provider::openid::{self, ALGORITHMS, Client};
use vestibule_provider::prelude::*;

use crate::person::Pointers;

/// Settings of one issuer.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The issuer, byte for byte as its metadata spells it: with a final slash or without. `https`, without
    /// `/.well-known/openid-configuration`.
    pub issuer: String,
    /// Client id.
    pub client_id: String,
    /// Client secret; left out with `token_auth = "none"` alone.
    #[serde(default)]
    pub client_secret: Option<SecretHandle>,
    /// How the client authenticates at the token endpoint: `basic`, `post`, or `none` for a public client. Without a word
    /// it is `basic` where the issuer offers it, else `post`.
    #[serde(default)]
    pub token_auth: Option<TokenAuth>,
    /// Scopes to ask for; `openid` is always one of them.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// Signature algorithms of ID tokens that are accepted, `RS256` for instance; asymmetric ones only. Empty: those that
    /// the issuer uses.
    #[serde(default)]
    pub algorithms: Vec<String>,
    /// Audiences that ID tokens may name beside the client id, exactly as the issuer spells them, for an issuer that always
    /// lists others. Empty: a token that is for anyone else as well is refused.
    #[serde(default)]
    pub trusted_audiences: Vec<String>,
    /// Whether PKCE is used: `required`, `sent` for an issuer that lists its methods wrongly, `off` for one that breaks on
    /// it.
    #[serde(default)]
    pub pkce: Pkce,
    /// Whether the ID token must hold the nonce of the sign-in: `required`, or `off` for an issuer that does not return
    /// it.
    #[serde(default)]
    pub nonce: Nonce,
    /// Whether accounts have the same `sub` for every client (`public`) or another one for each (`pairwise`). A new
    /// client id makes strangers of everyone in the latter case.
    #[serde(default)]
    pub subjects: Subjects,
    /// Whether the user info endpoint is asked: `auto` asks it if the ID token lacks something, `always`, or `never`.
    #[serde(default)]
    pub userinfo: UseUserInfo,
    /// Pointer (RFC 6901) to the account id. It must never change and never be given to somebody else.
    #[serde(default = "id")]
    pub id: String,
    /// Pointer to the login name; empty takes none.
    #[serde(default = "login")]
    pub login: String,
    /// Pointer to the displayed name; empty takes none.
    #[serde(default = "name")]
    pub name: String,
    /// Pointer to the e-mail address; empty takes none.
    #[serde(default = "email")]
    pub email: String,
    /// Pointer to the flag that the address is verified: JSON's `true` and nothing else. Empty: it is not known.
    #[serde(default = "email_verified")]
    pub email_verified: String,
    /// Pointer to the address of a picture; empty takes none.
    #[serde(default = "avatar")]
    pub avatar: String,
    /// Pointer to the list of groups, for `allowed_groups`.
    #[serde(default = "groups")]
    pub groups: String,
    /// Let in members of these groups only, spelled exactly as the issuer spells them; empty lets everyone in. A group
    /// below another one is a group of its own.
    #[serde(default)]
    pub allowed_groups: Vec<String>,
    /// Let in people only whose verified e-mail address is in one of these domains; empty lets everyone in.
    #[serde(default)]
    pub email_domains: Vec<String>,
    /// What the issuer is to ask the person (`prompt`): `login`, `consent`, `select_account`, or several with spaces
    /// between. A wish: the person can take it out of the request.
    #[serde(default)]
    pub prompt: Option<String>,
    /// Further parameters of the authorization request, such as `hd` or `organization`. A wish and no rule: the person can
    /// change them in the address bar. The rule is one about the answer, `groups = "/hd"` and
    /// `allowed_groups = ["corp.example"]` for instance.
    #[serde(default)]
    pub authorize_params: BTreeMap<String, String>,
}

fn scopes() -> Vec<String> {
    ["openid", "profile", "email"].map(str::to_owned).into()
}

fn id() -> String {
    "/sub".to_owned()
}

fn login() -> String {
    "/preferred_username".to_owned()
}

fn name() -> String {
    "/name".to_owned()
}

fn email() -> String {
    "/email".to_owned()
}

fn email_verified() -> String {
    "/email_verified".to_owned()
}

fn avatar() -> String {
    "/picture".to_owned()
}

fn groups() -> String {
    "/groups".to_owned()
}

/// How the client authenticates at the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenAuth {
    /// `client_secret_basic`.
    Basic,
    /// `client_secret_post`.
    Post,
    /// No secret.
    None,
}

/// Whether PKCE is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pkce {
    /// Sent; an issuer that lists its methods has to list S256.
    #[default]
    Required,
    /// Sent, whatever the issuer lists.
    Sent,
    /// Not sent.
    Off,
}

/// Whether a nonce is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Nonce {
    /// Sent, and the ID token must hold it.
    #[default]
    Required,
    /// Not sent.
    Off,
}

/// Whether accounts look the same to every client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Subjects {
    /// They do.
    #[default]
    Public,
    /// Each client has subjects of its own.
    Pairwise,
}

/// Whether the user info endpoint is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UseUserInfo {
    /// If the ID token lacks something that the settings name.
    #[default]
    Auto,
    /// At each sign-in.
    Always,
    /// Not at all.
    Never,
}

impl Config {
    /// The client that these settings describe.
    pub(crate) fn client(&self) -> Result<Client> {
        if self.client_id.is_empty() {
            return Err(Error::bad_settings("`client_id` is empty: copy it from the client's registration"));
        }
        let mut client = Client::new(&self.issuer, &self.client_id).pkce(match self.pkce {
            Pkce::Required => Policy::Required,
            Pkce::Sent => Policy::Sent,
            Pkce::Off => Policy::Off,
        });
        client = client.nonce(match self.nonce {
            Nonce::Required => Policy::Required,
            Nonce::Off => Policy::Off,
        });
        client = match (&self.client_secret, self.token_auth) {
            (Some(_), Some(TokenAuth::None)) => {
                return Err(Error::bad_settings(
                    "`token_auth` is `none`, and there is a `client_secret`: leave one of the two out",
                ));
            }
            (None, Some(TokenAuth::None)) if self.pkce == Pkce::Off => {
                return Err(Error::bad_settings(
                    "`token_auth` is `none` and `pkce` is `off`: whoever gets hold of a code could use it; give the \
                     client a secret, or use PKCE",
                ));
            }
            (None, Some(TokenAuth::None)) => client,
            (None, _) => {
                return Err(Error::bad_settings(
                    "`client_secret` is not there: write it, or `token_auth = \"none\"` for a public client",
                ));
            }
            (Some(secret), auth) => {
                let client = client.secret("client_secret", secret.clone());
                auth.map_or(client.clone(), |auth| client.auth(auth.into()))
            }
        };
        self.checked_algorithms()?;
        if self.trusted_audiences.iter().any(String::is_empty) {
            return Err(Error::bad_settings(
                "`trusted_audiences` holds an empty text, which is no audience: leave it out",
            ));
        }
        let client = client.trusted_audiences(&self.trusted_audiences);
        Ok(if self.algorithms.is_empty() { client } else { client.algorithms(&self.algorithms) })
    }

    fn checked_algorithms(&self) -> Result<()> {
        match self.algorithms.iter().find(|name| !ALGORITHMS.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) if name.starts_with("HS") || name == "none" => Err(Error::bad_settings(format_args!(
                "`algorithms` holds `{name}`, which does not prove who signed: have the issuer use `RS256`, or another one \
                 with a key pair"
            ))),
            Some(name) => Err(Error::bad_settings(format_args!(
                "`algorithms` holds `{name}`, which is none of {}",
                ALGORITHMS.join(", ")
            ))),
        }
    }

    /// What account ids depend on: the issuer, the claim if it is not `sub`, and the client where subjects are its own.
    pub(crate) fn realm(&self, pointers: &Pointers) -> Result<Realm> {
        let realm =
            Realm::new(&openid::issuer_url("issuer", &self.issuer)?).map_err(|e| e.context("`issuer`"))?;
        let realm = match self.subjects {
            Subjects::Public => realm,
            Subjects::Pairwise => realm.client(&self.client_id).map_err(|e| e.context("`client_id`"))?,
        };
        match pointers.id() {
            "/sub" => Ok(realm),
            other => realm.id(&other[1..]).map_err(|e| e.context("`id`")),
        }
    }
}
