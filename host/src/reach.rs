//! Where a provider's requests and secrets may go, as one value that can be kept, shown and compared: what an operator has
//! accepted, and what a provider asks for beyond it. It must not know who declares it, nor where it is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

/// A host, as far as it is known without asking anybody.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Host {
    /// An origin, as ASCII: `https://github.com`.
    Origin(String),
    /// Wherever the issuer's metadata says that this endpoint is (OpenID Connect Discovery 1.0 §3).
    Endpoint {
        /// The issuer.
        issuer: String,
        /// The member of its metadata: `token_endpoint`.
        member: String,
    },
}

/// Where a secret may go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SecretPlace {
    /// To whom.
    pub host: Host,
    /// The path: with a final slash all below it, without one only itself, empty for the whole origin. Empty beside an
    /// endpoint, which is one path.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
}

/// Everything that a provider may reach. Its JSON is what the database keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// Where its requests and the browser may go.
    #[serde(default)]
    pub hosts: BTreeSet<Host>,
    /// For each secret setting, where it may be sent.
    #[serde(default)]
    pub secrets: BTreeMap<String, BTreeSet<SecretPlace>>,
}

impl SecretPlace {
    /// Whether whatever may go to `other` may go here.
    fn covers(&self, other: &Self) -> bool {
        if self.host != other.host {
            return false;
        }
        match self.path.as_str() {
            "" => true,
            // The same rule as for a request: what a server makes of such a path is its own affair.
            folder if folder.ends_with('/') => other.path.strip_prefix(folder).is_some_and(|below| {
                !below.contains(['%', ';']) && !below.starts_with('/') && !below.contains("//")
            }),
            file => other.path == file,
        }
    }
}

impl Reach {
    /// What of this goes beyond `accepted`, each as a phrase: ``the host https://a.example``.
    pub fn beyond(&self, accepted: &Self) -> Vec<String> {
        let mut more: Vec<String> =
            self.hosts.difference(&accepted.hosts).map(|host| format!("the host {host}")).collect();
        for (key, places) in &self.secrets {
            let known = accepted.secrets.get(key);
            let is_new = |place: &&SecretPlace| {
                !known.into_iter().flatten().any(|known| known == *place || known.covers(place))
            };
            more.extend(places.iter().filter(is_new).map(|place| format!("`{key}` sent to {place}")));
        }
        more
    }

    /// Where each secret goes, one phrase a secret: ``client_secret goes to https://github.com/login only``.
    pub fn secrets_in_words(&self) -> Vec<String> {
        let phrase = |(key, places): (&String, &BTreeSet<SecretPlace>)| {
            let places: Vec<String> = places.iter().map(ToString::to_string).collect();
            match places.as_slice() {
                [] => format!("{key} goes nowhere"),
                places => format!("{key} goes to {} only", places.join(", ")),
            }
        };
        self.secrets.iter().map(phrase).collect()
    }

    /// The hosts, in one phrase.
    pub fn hosts_in_words(&self) -> String {
        self.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin(origin) => f.write_str(origin),
            Self::Endpoint { issuer, member } => write!(f, "the {member} of {issuer}"),
        }
    }
}

impl fmt::Display for SecretPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = if self.path.ends_with('/') { "…" } else { "" };
        write!(f, "{}{}{below}", self.host, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(hosts: &[&str], places: &[(&str, &str)]) -> Reach {
        let origin = |host: &str| Host::Origin(host.to_owned());
        let places =
            places.iter().map(|(host, path)| SecretPlace { host: origin(host), path: (*path).into() });
        Reach {
            hosts: hosts.iter().map(|host| origin(host)).collect(),
            secrets: BTreeMap::from([("client_secret".to_owned(), places.collect())]),
        }
    }

    const A: &str = "https://a.example";
    const B: &str = "https://b.example";

    #[test]
    fn less_and_the_same_are_nothing_new() {
        let accepted = reach(&[A, B], &[(A, "/login/"), (B, "")]);
        for same_or_less in [
            accepted.clone(),
            reach(&[A], &[(A, "/login/")]),
            reach(&[A], &[(A, "/login/token")]),
            reach(&[A], &[(A, "/login/oauth/")]),
            reach(&[B], &[(B, "/anything"), (B, "/any/")]),
            Reach::default(),
        ] {
            assert_eq!(same_or_less.beyond(&accepted), Vec::<String>::new());
        }
    }

    #[test]
    fn each_host_and_each_wider_place_of_a_secret_is_named() {
        let accepted = reach(&[A], &[(A, "/login/token")]);
        for (asked, new) in [
            (reach(&[A, B], &[]), "the host https://b.example"),
            (reach(&[A], &[(A, "/login/")]), "`client_secret` sent to https://a.example/login/…"),
            (reach(&[A], &[(A, "")]), "`client_secret` sent to https://a.example"),
            (reach(&[A], &[(A, "/login/token2")]), "`client_secret` sent to https://a.example/login/token2"),
            (reach(&[A], &[(A, "/login/token/")]), "`client_secret` sent to https://a.example/login/token/…"),
            (reach(&[A], &[(B, "/login/token")]), "`client_secret` sent to https://b.example/login/token"),
        ] {
            assert_eq!(asked.beyond(&accepted), [new]);
        }
        let folder = reach(&[A], &[(A, "/a/")]);
        for odd in ["/a/%2e%2e", "/a//b", "/a/b;c"] {
            assert_eq!(reach(&[A], &[(A, odd)]).beyond(&folder).len(), 1, "{odd}");
        }
        let mut other_key = accepted.clone();
        other_key.secrets.insert("key".to_owned(), accepted.secrets["client_secret"].clone());
        assert_eq!(other_key.beyond(&accepted), ["`key` sent to https://a.example/login/token"]);
    }

    #[test]
    fn an_endpoint_of_the_metadata_is_another_than_one_that_is_spelled_out() {
        let endpoint = |member: &str| Host::Endpoint { issuer: A.to_owned(), member: member.to_owned() };
        let with = |member: &str| Reach { hosts: [endpoint(member)].into(), secrets: BTreeMap::new() };
        let accepted = with("token_endpoint");
        assert_eq!(accepted.beyond(&accepted), Vec::<String>::new());
        let new = "the host the userinfo_endpoint of https://a.example";
        assert_eq!(with("userinfo_endpoint").beyond(&accepted), [new]);
        assert_eq!(reach(&[A], &[]).beyond(&accepted).len(), 1);
    }

    #[test]
    fn comes_back_from_its_json() {
        let endpoint = Host::Endpoint { issuer: A.to_owned(), member: "token_endpoint".to_owned() };
        let mut kept = reach(&[A, B], &[(A, "/login/"), (B, "")]);
        kept.hosts.insert(endpoint.clone());
        let place = SecretPlace { host: endpoint, path: String::new() };
        kept.secrets.get_mut("client_secret").unwrap().insert(place);
        let json = serde_json::to_string(&kept).unwrap();
        assert_eq!(serde_json::from_str::<Reach>(&json).unwrap(), kept);
        assert_eq!(serde_json::from_str::<Reach>("{}").unwrap(), Reach::default());
    }
}
