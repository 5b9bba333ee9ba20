//! The provider that everybody signs in through: demo-idp, in this process, with people enough that no two who sign in at
//! the same time are the same.

use std::net::SocketAddr;

use vestibule_demo_idp::{DemoIdp, Options, Person};

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
    pub(crate) async fn start() -> Result<Self> {
        let people: Vec<_> = (1..=PEOPLE)
            .map(|id| Person::new(1000 + id, &format!("person-{id}"), &format!("Person {id}")))
            .collect();
        let handles = people.iter().map(|person| person.login.clone()).collect();
        let mut options = Options { people, ..Options::default() };
        for client in &mut options.clients {
            client.id = CLIENT_ID.to_owned();
            client.secret = CLIENT_SECRET.to_owned();
        }
        let idp = DemoIdp::start(options).await.map_err(doing("start demo-idp"))?;
        Ok(Self { idp, people: handles })
    }

    pub(crate) fn base_url(&self) -> &str {
        self.idp.base_url()
    }

    pub(crate) fn address(&self) -> Result<SocketAddr> {
        let address = self.base_url().strip_prefix("http://").and_then(|address| address.parse().ok());
        address.ok_or_else(|| Error::new("demo-idp is at no address"))
    }

    /// Lets people be sent back to that server.
    pub(crate) fn register(&self, public_url: &str) {
        self.idp.register_redirect_uri(CLIENT_ID, &format!("{public_url}/auth/github/callback"));
    }
}
