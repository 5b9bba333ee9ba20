//! How a provider starts. Knows what there is to choose, and carries nothing out.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::fault::{Endpoint, Fault};
use crate::ledger::Client;
use crate::openid::OpenIdOptions;
use crate::people::{self, Person};
use crate::personality::Personality;

/// How a provider starts.
#[derive(Clone)]
pub struct Options {
    /// Whom it plays.
    pub personality: Personality,
    /// Where to listen: a loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The applications that may ask.
    pub clients: Vec<Client>,
    /// Who can be chosen.
    pub people: Vec<Person>,
    /// What an OpenID provider may do in one way or another; the personality `github` does not look at it.
    pub openid: OpenIdOptions,
    /// Faults from the first moment on. With `refused` nothing listens until [`crate::DemoIdp::clear_faults`], on the port
    /// that the base URL names.
    pub faults: Vec<(Endpoint, Fault)>,
    /// The pause between two bytes of the fault `slow`.
    pub slow_pause: Duration,
    /// Codes and tokens follow from it, so that a run can be repeated.
    pub seed: String,
    /// Where a front with TLS shows this provider, without a final slash: its issuer and its links are made from that.
    /// The front must ask for loopback in `Host`. `None` is the address where it listens.
    pub shown_at: Option<String>,
}

impl Default for Options {
    /// GitHub, a free port, the whole cast, and one client, `demo-client-1`, without a redirect URI yet. Its secret holds
    /// characters that every encoding writes differently, and `id:` is no multiple of three bytes, which would leave the
    /// secret's own Base64 inside that of the pair: so the `echo-secret-…` faults are all distinct.
    fn default() -> Self {
        let client = Client {
            id: "demo-client-1".to_owned(),
            secret: "demo/secret+canary=0123456789abcdef".to_owned(),
            redirect_uris: Vec::new(),
        };
        Self {
            personality: Personality::GitHub,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            clients: vec![client],
            people: people::cast(),
            openid: OpenIdOptions::default(),
            faults: Vec::new(),
            slow_pause: Duration::from_millis(200),
            seed: "demo".to_owned(),
            shown_at: None,
        }
    }
}

impl Options {
    /// What a personality starts with: for GitLab also the accounts that it would not let in itself, RS256 alone, and an
    /// `iss` in callbacks that nothing announces.
    pub fn of(personality: Personality) -> Self {
        let mut options = Self { personality, ..Self::default() };
        if personality == Personality::GitLab {
            options.people.extend(people::turned_away());
            options.openid = OpenIdOptions::gitlab();
        }
        options
    }
}
