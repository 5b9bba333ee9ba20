//! What the provider has handed out: clients, authorization codes, access tokens. Knows no personality's spelling.

use std::collections::HashMap;
use std::time::Duration;

use aws_lc_rs::digest;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};

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
    /// What the ID token must repeat.
    pub(crate) nonce: Option<String>,
    /// When the person chose, since 1970.
    pub(crate) issued: Duration,
}

/// What a token stands for.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) client_id: String,
    pub(crate) person: i64,
    pub(crate) scopes: Vec<String>,
    /// Since 1970; `None` is never.
    pub(crate) expires: Option<Duration>,
}

/// Everything handed out so far.
pub(crate) struct Ledger {
    pub(crate) clients: Vec<Client>,
    codes: HashMap<String, Grant>,
    /// Codes that were tried, with the token that came of it.
    spent: HashMap<String, Option<String>>,
    tokens: HashMap<String, Access>,
    seed: String,
    handed_out: u64,
}

impl Ledger {
    pub(crate) fn new(clients: Vec<Client>, seed: String) -> Self {
        Self {
            clients,
            codes: HashMap::new(),
            spent: HashMap::new(),
            tokens: HashMap::new(),
            seed,
            handed_out: 0,
        }
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
    pub(crate) fn redeem(
        &mut self,
        code: &str,
        prefix: &str,
        expires: Option<Duration>,
    ) -> Option<(String, Grant)> {
        let grant = self.codes.remove(code)?;
        let access = Access {
            client_id: grant.client_id.clone(),
            person: grant.person,
            scopes: grant.scopes.clone(),
            expires,
        };
        let token = format!("{prefix}{}", self.next("token", 32));
        self.tokens.insert(token.clone(), access);
        self.spent.insert(code.to_owned(), Some(token.clone()));
        Some((token, grant))
    }

    /// Uses a code up without a token.
    pub(crate) fn spend(&mut self, code: &str) {
        if self.codes.remove(code).is_some() {
            self.spent.insert(code.to_owned(), None);
        }
    }

    /// Ends the token that came of a code which is tried again (RFC 6749 §4.1.2).
    pub(crate) fn punish_replay(&mut self, code: &str) {
        if let Some(Some(token)) = self.spent.get(code) {
            self.tokens.remove(token);
        }
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

/// The challenge of a verifier (RFC 7636 §4.2).
pub(crate) fn s256(verifier: &str) -> String {
    BASE64URL_NOPAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()).as_ref())
}
