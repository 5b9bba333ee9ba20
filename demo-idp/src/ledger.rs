//! What the provider has handed out: clients, authorization codes, access tokens. Knows no personality's spelling.

use std::collections::HashMap;
use std::time::Duration;

use aws_lc_rs::digest;
use data_encoding::HEXLOWER;

/// How long a code can be redeemed: GitHub documents 10 minutes.
pub const CODE_LIFE: Duration = Duration::from_secs(600);

/// An application that may ask people to sign in.
#[derive(Clone)]
pub struct Client {
    /// Public.
    pub id: String,
    /// What the application proves itself with.
    pub secret: String,
    /// Where people may be sent back to, compared byte for byte. The first is used when a request names none.
    pub redirect_uris: Vec<String>,
}

/// What a code stands for.
#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) person: i64,
    pub(crate) scopes: Vec<String>,
    /// The S256 challenge, when one was sent.
    pub(crate) code_challenge: Option<String>,
    pub(crate) issued: Duration,
}

/// What a token stands for.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) client_id: String,
    pub(crate) person: i64,
    pub(crate) scopes: Vec<String>,
}

/// Everything handed out so far.
pub(crate) struct Ledger {
    pub(crate) clients: Vec<Client>,
    codes: HashMap<String, Grant>,
    tokens: HashMap<String, Access>,
    seed: String,
    handed_out: u64,
}

impl Ledger {
    pub(crate) fn new(clients: Vec<Client>, seed: String) -> Self {
        Self { clients, codes: HashMap::new(), tokens: HashMap::new(), seed, handed_out: 0 }
    }

    pub(crate) fn client(&self, id: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.id == id)
    }

    /// A new code, 20 hexadecimal characters as GitHub's are. The next one follows from the seed: good enough on loopback.
    pub(crate) fn issue_code(&mut self, grant: Grant) -> String {
        let code = self.next("code", 20);
        self.codes.insert(code.clone(), grant);
        code
    }

    /// What a code stands for, without using it up.
    pub(crate) fn grant(&self, code: &str, now: Duration) -> Option<&Grant> {
        self.codes.get(code).filter(|grant| now.saturating_sub(grant.issued) < CODE_LIFE)
    }

    /// A token in exchange for a code, which is thereby gone.
    pub(crate) fn redeem(&mut self, code: &str) -> Option<(String, Access)> {
        let grant = self.codes.remove(code)?;
        let access = Access { client_id: grant.client_id, person: grant.person, scopes: grant.scopes };
        let token = format!("gho_demo{}", self.next("token", 32));
        self.tokens.insert(token.clone(), access.clone());
        Some((token, access))
    }

    pub(crate) fn access(&self, token: &str) -> Option<&Access> {
        self.tokens.get(token)
    }

    /// Ends a token; whether there was one of this client.
    pub(crate) fn revoke(&mut self, client_id: &str, token: &str) -> bool {
        let theirs = self.tokens.get(token).is_some_and(|access| access.client_id == client_id);
        theirs && self.tokens.remove(token).is_some()
    }

    fn next(&mut self, kind: &str, length: usize) -> String {
        self.handed_out += 1;
        let input = format!("{}/{kind}/{}", self.seed, self.handed_out);
        let mut text = HEXLOWER.encode(digest::digest(&digest::SHA256, input.as_bytes()).as_ref());
        text.truncate(length);
        text
    }
}
