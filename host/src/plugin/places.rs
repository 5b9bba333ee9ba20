//! Where a provider's requests, its browser and its secrets may go, and which issuer its callbacks name: as `inspect`
//! declares it, and, as far as that points to the issuer's metadata, as the metadata fills it in.
//!
//! What comes from metadata is held to the same rules as what a plugin spells out; nothing is fetched here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use url::Url;
use vestibule_abi as abi;

use abi::record::{Declared, Promised};

use super::error::one_line;
use super::services::secrets::Target;
use crate::reach::{Host, Reach, SecretPlace};

/// An expected issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// Compared byte for byte.
    pub value: String,
    /// Whether each callback has it.
    pub promised: bool,
}

/// The places themselves, for one operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// As ASCII: `https://api.github.com`.
    pub(super) origins: BTreeSet<String>,
    /// For each secret setting: where it may be sent.
    pub(super) secrets: BTreeMap<String, Vec<Target>>,
    /// The issuer of callbacks.
    pub(super) issuer: Option<Issuer>,
}

impl Places {
    /// Whether the secret of this key may go there.
    pub(super) fn take_secret(&self, key: &str, url: &Url) -> bool {
        self.secrets.get(key).into_iter().flatten().any(|target| target.takes(url))
    }
}

/// What `inspect` declares, with members of the metadata where it points there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Declaration {
    /// What is known without the metadata.
    literal: Places,
    /// The issuer whose metadata it is about.
    pub(super) metadata: Option<String>,
    origins: BTreeSet<String>,
    secrets: Vec<(String, String)>,
    issuer: Option<(Declared, Promised)>,
    loopback_allowed: bool,
}

/// The most origins, and the most targets of one secret.
const MAX_ORIGINS: usize = 32;
/// The longest realm, issuer, client id or origin, in bytes.
const MAX_TEXT: usize = 255;

impl Declaration {
    /// Reads and checks what there is of it. `secret_keys` are those that the schema marks.
    pub(super) fn read(
        inspect: &abi::record::Inspect,
        secret_keys: &[String],
        loopback_allowed: bool,
    ) -> Result<Self, String> {
        let metadata = match &inspect.metadata {
            None => None,
            Some(metadata) => Some(issuer_url(&metadata.issuer, loopback_allowed)?),
        };
        let mut read = Self {
            literal: Places::default(),
            metadata,
            origins: BTreeSet::new(),
            secrets: Vec::new(),
            issuer: None,
            loopback_allowed,
        };
        read.read_issuer(inspect.issuer.as_ref())?;
        read.read_origins(&inspect.origins)?;
        for (key, targets) in &inspect.secrets {
            read.read_secret(key, targets, secret_keys)?;
        }
        Ok(read)
    }

    fn read_issuer(&mut self, issuer: Option<&abi::record::Issuer>) -> Result<(), String> {
        let Some(issuer) = issuer else { return Ok(()) };
        match (&issuer.value, &issuer.promised) {
            (Declared::Literal(value), Promised::Literal(promised)) => {
                let value = text("issuer", value)?.to_owned();
                self.literal.issuer = Some(Issuer { value, promised: *promised });
            }
            (value, promised) => {
                match value {
                    Declared::Literal(value) => drop(text("issuer", value)?),
                    Declared::FromMetadata { from_metadata } => self.member("issuer", from_metadata)?,
                }
                if let Promised::FromMetadata { from_metadata } = promised {
                    self.member("issuer", from_metadata)?;
                }
                self.issuer = Some((value.clone(), promised.clone()));
            }
        }
        Ok(())
    }

    fn read_origins(&mut self, origins: &[Declared]) -> Result<(), String> {
        if origins.is_empty() || origins.len() > MAX_ORIGINS {
            return Err(format!("`origins` has {} entries; 1 to {MAX_ORIGINS} are possible", origins.len()));
        }
        for declared in origins {
            match declared {
                Declared::Literal(text) => {
                    self.literal.origins.insert(origin(text, self.loopback_allowed)?);
                }
                Declared::FromMetadata { from_metadata } => {
                    self.member("origins", from_metadata)?;
                    self.origins.insert(from_metadata.clone());
                }
            }
        }
        Ok(())
    }

    fn read_secret(
        &mut self,
        key: &str,
        targets: &[abi::record::SecretTarget],
        secret_keys: &[String],
    ) -> Result<(), String> {
        if !secret_keys.iter().any(|known| known == key) {
            return Err(format!("`secrets` names `{}`, which is no secret of its schema", one_line(key)));
        }
        if targets.len() > MAX_ORIGINS {
            return Err(format!(
                "`secrets` sends `{key}` to {} places, the limit is {MAX_ORIGINS}",
                targets.len()
            ));
        }
        let elsewhere =
            |place: &str| format!("`secrets` sends `{key}` to `{place}`, which `origins` does not name");
        for target in targets {
            match &target.origin {
                Declared::Literal(text) => {
                    let origin = origin(text, self.loopback_allowed)?;
                    if !self.literal.origins.contains(&origin) {
                        return Err(elsewhere(&origin));
                    }
                    check_path(key, &origin, &target.path_prefix)?;
                    let target = Target { origin, path_prefix: target.path_prefix.clone(), exact: false };
                    self.literal.secrets.entry(key.to_owned()).or_default().push(target);
                }
                Declared::FromMetadata { from_metadata } => {
                    self.member("secrets", from_metadata)?;
                    if !self.origins.contains(from_metadata) {
                        return Err(elsewhere(&one_line(from_metadata)));
                    }
                    if !target.path_prefix.is_empty() {
                        return Err(format!(
                            "`secrets` has a path beside the metadata's `{}`, which has its own",
                            one_line(from_metadata)
                        ));
                    }
                    self.secrets.push((key.to_owned(), from_metadata.clone()));
                }
            }
        }
        Ok(())
    }

    fn member(&self, field: &str, member: &str) -> Result<(), String> {
        let member = one_line(member);
        if member.is_empty() || member.len() > MAX_TEXT {
            return Err(format!("`{field}` names a member of the metadata that has no possible name"));
        }
        match self.metadata {
            Some(_) => Ok(()),
            None => Err(format!(
                "`{field}` is to be taken from the metadata's `{member}`, and `metadata` does not say whose"
            )),
        }
    }

    /// What an operator is asked about: the places that are spelled out, and for those of the metadata whose it is and which
    /// member. What the metadata says at a time is the issuer's affair.
    pub(super) fn reach(&self) -> Reach {
        let issuer = self.metadata.as_deref().unwrap_or_default();
        let endpoint = |member: &String| Host::Endpoint { issuer: issuer.to_owned(), member: member.clone() };
        let mut reach = Reach::default();
        // The metadata itself is fetched from there.
        let from = self.metadata.as_deref().and_then(|issuer| Url::parse(issuer).ok());
        reach.hosts.extend(from.map(|url| Host::Origin(url.origin().ascii_serialization())));
        reach.hosts.extend(self.literal.origins.iter().cloned().map(Host::Origin));
        reach.hosts.extend(self.origins.iter().map(endpoint));
        for (key, targets) in &self.literal.secrets {
            let place = |target: &Target| SecretPlace {
                host: Host::Origin(target.origin.clone()),
                path: target.path_prefix.clone(),
            };
            reach.secrets.entry(key.clone()).or_default().extend(targets.iter().map(place));
        }
        for (key, member) in &self.secrets {
            let place = SecretPlace { host: endpoint(member), path: String::new() };
            reach.secrets.entry(key.clone()).or_default().insert(place);
        }
        reach
    }

    /// The places, where all are known without the metadata.
    pub(super) fn fixed(&self) -> Option<&Places> {
        self.metadata.is_none().then_some(&self.literal)
    }

    /// The places with this metadata. Members that it lacks add nothing; one that is no URL which tokens may travel to is
    /// an error, as is an issuer in another spelling.
    pub(super) fn resolve(&self, metadata: &Map<String, Value>) -> Result<Places, String> {
        let mut places = self.literal.clone();
        for member in &self.origins {
            if let Some(url) = url_in(metadata, member, self.loopback_allowed)? {
                places.origins.insert(url.origin().ascii_serialization());
            }
        }
        for (key, member) in &self.secrets {
            if let Some(url) = url_in(metadata, member, self.loopback_allowed)? {
                let origin = url.origin().ascii_serialization();
                let target = Target { origin, path_prefix: url.path().to_owned(), exact: true };
                places.secrets.entry(key.clone()).or_default().push(target);
            }
        }
        if let Some((value, promised)) = &self.issuer {
            let value = match value {
                Declared::Literal(value) => value.clone(),
                Declared::FromMetadata { from_metadata } => {
                    let value = metadata.get(from_metadata).and_then(Value::as_str).unwrap_or_default();
                    text(from_metadata, value)?.to_owned()
                }
            };
            let promised = match promised {
                Promised::Literal(promised) => *promised,
                Promised::FromMetadata { from_metadata } => {
                    metadata.get(from_metadata) == Some(&Value::Bool(true))
                }
            };
            places.issuer = Some(Issuer { value, promised });
        }
        Ok(places)
    }
}

/// The URL in a member of the metadata; `None` where there is no such member.
pub(super) fn url_in(
    metadata: &Map<String, Value>,
    member: &str,
    loopback_allowed: bool,
) -> Result<Option<Url>, String> {
    let member_shown = one_line(member);
    match metadata.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => {
            let shown = one_line(text.split(['?', '#']).next().unwrap_or_default());
            let url = Url::parse(text).map_err(|e| format!("`{member_shown}`, `{shown}`, is no URL: {e}"))?;
            if !may_carry(&url, loopback_allowed) {
                return Err(format!("`{member_shown}`, `{shown}`, is not https"));
            }
            if !url.username().is_empty() || url.password().is_some() {
                return Err(format!("`{member_shown}` holds credentials"));
            }
            Ok(Some(url))
        }
        Some(_) => Err(format!("`{member_shown}` is no text")),
    }
}

/// Text of 1 to 255 bytes without control characters.
pub(super) fn text<'a>(field: &str, value: &'a str) -> Result<&'a str, String> {
    if value.is_empty() || value.len() > MAX_TEXT || value.chars().any(char::is_control) {
        let field = one_line(field);
        return Err(format!("`{field}` is not of 1 to {MAX_TEXT} bytes without control characters"));
    }
    Ok(value)
}

/// An issuer that has metadata (OpenID Connect Discovery 1.0 §3): a URL without query and fragment.
fn issuer_url(issuer: &str, loopback_allowed: bool) -> Result<String, String> {
    let shown = one_line(text("metadata.issuer", issuer)?);
    let url = Url::parse(issuer).map_err(|e| format!("the issuer `{shown}` cannot be read: {e}"))?;
    if !may_carry(&url, loopback_allowed) {
        return Err(format!(
            "the issuer `{shown}` is not https; plain http is for loopback, while `public_url` is there as well"
        ));
    }
    if issuer.contains(['?', '#']) || !url.username().is_empty() || url.password().is_some() {
        return Err(format!("the issuer `{shown}` has a query, a fragment or credentials"));
    }
    Ok(issuer.to_owned())
}

/// An origin in its one spelling, so that comparing texts is enough later on.
fn origin(declared: &str, loopback_allowed: bool) -> Result<String, String> {
    let shown = one_line(declared);
    let url = Url::parse(declared).map_err(|e| format!("the origin `{shown}` cannot be read: {e}"))?;
    let origin = url.origin().ascii_serialization();
    if !may_carry(&url, loopback_allowed) {
        return Err(format!(
            "the origin `{shown}` is not https; plain http is for loopback, while `public_url` is there as well"
        ));
    }
    if origin != declared {
        return Err(format!("the origin `{shown}` is to be spelled `{origin}`"));
    }
    Ok(origin)
}

/// Whether tokens may travel so: https, or http that does not leave this machine.
pub(super) fn may_carry(url: &Url, loopback_allowed: bool) -> bool {
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => url.has_host(),
        "http" => loopback_allowed && loopback,
        _ => false,
    }
}

/// In the parser's own spelling: another one would never match.
fn check_path(key: &str, origin: &str, path_prefix: &str) -> Result<(), String> {
    let spelled = Url::parse(&format!("{origin}{path_prefix}")).ok().map(|u| u.path().to_owned());
    let normal = path_prefix.starts_with('/') && spelled.as_deref() == Some(path_prefix);
    if path_prefix.is_empty() || normal {
        return Ok(());
    }
    Err(format!(
        "`secrets` sends `{key}` to the path `{}`, which is no path in normal form",
        one_line(path_prefix)
    ))
}

#[cfg(test)]
mod tests;
