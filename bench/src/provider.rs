//! The provider that everybody signs in through: demo-idp, in this process, with people enough that no two who sign in at
//! the same time are the same.

use std::net::SocketAddr;

use vestibule_demo_idp::{DemoIdp, Endpoint, Options, Person, Personality};

use crate::error::{Error, Result, doing};

/// What the provider knows applications as.
pub(crate) const CLIENT_ID: &str = "bench";
/// Their secret.
pub(crate) const CLIENT_SECRET: &str = "bench/secret+0123456789abcdef";

/// How many people have an account.
const PEOPLE: i64 = 64;

/// A running provider.
pub(crate) struct Provider {
    idp: DemoIdp,
    /// Their handles.
    pub(crate) people: Vec<String>,
}

impl Provider {
    pub(crate) async fn start(personality: Personality) -> Result<Self> {
        let people: Vec<_> = (1..=PEOPLE)
            .map(|id| Person::new(1000 + id, &format!("person-{id}"), &format!("Person {id}")))
            .collect();
        let handles = people.iter().map(|person| person.login.clone()).collect();
        let mut options = Options { people, ..Options::of(personality) };
        for client in &mut options.clients {
            client.id = CLIENT_ID.to_owned();
            client.secret = CLIENT_SECRET.to_owned();
        }
        let idp = DemoIdp::start(options).await.map_err(doing("start demo-idp"))?;
        Ok(Self { idp, people: handles })
    }

    /// Its name: that of a provider, of its plugin, and in paths.
    pub(crate) fn name(&self) -> &'static str {
        self.idp.personality().name()
    }

    /// The argument of the bare relying party that says where it is, and that.
    pub(crate) fn place(&self) -> (&'static str, String) {
        match self.idp.personality() {
            Personality::GitHub => ("--base-url", self.base_url().to_owned()),
            _ => ("--issuer", self.idp.issuer()),
        }
    }

    /// The same as a plugin's setting.
    pub(crate) fn setting(&self) -> String {
        match self.idp.personality() {
            Personality::GitHub => format!("base_url = \"{}\"", self.base_url()),
            _ => format!("issuer = \"{}\"", self.idp.issuer()),
        }
    }

    pub(crate) fn base_url(&self) -> &str {
        self.idp.base_url()
    }

    pub(crate) fn address(&self) -> Result<SocketAddr> {
        let address = self.base_url().strip_prefix("http://").and_then(|address| address.parse().ok());
        address.ok_or_else(|| Error::new("demo-idp is at no address"))
    }

    /// Fails if user info was asked for: then a sign-in was not what the row says that it is.
    pub(crate) fn gave_no_user_info(&self) -> Result<()> {
        match self.idp.requests_to(Endpoint::UserInfo).len() {
            0 => Ok(()),
            count => Err(Error::new(format!("user info was asked for {count} times"))),
        }
    }

    /// Lets people be sent back to that server.
    pub(crate) fn register(&self, public_url: &str) {
        self.idp.register_redirect_uri(CLIENT_ID, &format!("{public_url}/auth/{}/callback", self.name()));
    }
}
