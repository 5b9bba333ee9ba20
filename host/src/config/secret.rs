//! Secrets, which are never written into the configuration itself: it names a file or an environment variable.
//! It must not know what a secret is for, and its errors never hold what may be one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use secrecy::zeroize::Zeroize as _;
use secrecy::{ExposeSecret as _, SecretString};

use super::fault::quoted;

/// The process's environment, or what a test says it is.
pub trait Environment: Send + Sync {
    /// The value of a variable, if it is set.
    fn var(&self, name: &str) -> Option<OsString>;
}

/// The environment that this process was started with.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn var(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }
}

impl Environment for BTreeMap<String, String> {
    fn var(&self, name: &str) -> Option<OsString> {
        self.get(name).map(OsString::from)
    }
}

/// The largest secret, in bytes: a private key with its chain fits.
const MAX_LEN: u64 = 64 * 1024;

/// A secret, and what an operator should know about its file.
pub(crate) struct Read {
    pub(crate) secret: SecretString,
    /// What is wrong with the file's mode, and the cure.
    pub(crate) exposed: Option<(String, String)>,
}

/// Why a secret could not be read, and the cure.
pub(crate) struct Unreadable {
    pub(crate) message: String,
    pub(crate) cure: String,
}

impl Unreadable {
    fn new(message: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { message: message.into(), cure: cure.into() }
    }
}

/// Reads what `KEY_file` names: UTF-8, 1 byte to 64 KiB, one final line break taken off.
///
/// `written` is the path as the configuration has it, `path` the same with its folder.
pub(crate) fn from_file(
    key: &str,
    written: &str,
    path: &Path,
    environment: &dyn Environment,
) -> Result<Read, Unreadable> {
    // Somebody may have put the secret itself after `KEY_file`; only what looks like a path is repeated.
    let shown = if written.contains(['/', '.']) {
        format!("{} of `{key}`", quoted(written))
    } else {
        format!("the file that `{key}` names")
    };
    let fails = |what: &str, error: std::io::Error| {
        let what = format!("{shown} {what}: {}", reason(&error));
        Unreadable::new(what, format!("let `{key}` name a file that this process can read"))
    };
    // Looked at before it is opened: opening a pipe would wait for its other end.
    let metadata = fs::metadata(path).map_err(|error| fails("cannot be read", error))?;
    if !metadata.is_file() {
        return Err(Unreadable::new(
            format!("{shown} is not a regular file"),
            format!("let `{key}` name a file that holds the secret alone"),
        ));
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_LEN + 1).read_to_end(&mut bytes));
    read.map_err(|error| fails("cannot be read", error))?;
    let secret = checked(bytes, &shown)?;
    let exposed = if is_credential(path, environment) {
        None
    } else {
        exposed(key, written, metadata.permissions().mode())
    };
    Ok(Read { secret, exposed })
}

/// Whether the service manager hands this file to this process alone (`LoadCredential=`, systemd.exec(5)). It may do so by
/// an access control list, and then the mode's bits for the group show the list's mask, and no group.
fn is_credential(path: &Path, environment: &dyn Environment) -> bool {
    let folder = environment.var("CREDENTIALS_DIRECTORY");
    folder.is_some_and(|folder| path.is_absolute() && path.parent() == Some(Path::new(&folder)))
}

/// Reads the variable that `KEY_env` names.
pub(crate) fn from_environment(
    key: &str,
    variable: &str,
    environment: &dyn Environment,
) -> Result<Read, Unreadable> {
    // Anything but the usual spelling may be the secret itself, put after the wrong key: it is not repeated.
    let usual = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let is_usual = !variable.is_empty() && variable.len() <= 64 && variable.bytes().all(usual);
    let shown = if is_usual {
        format!("the environment variable `{variable}` of `{key}`")
    } else {
        format!("the environment variable that `{key}` names")
    };
    // `std::env::var_os` takes no name that holds these.
    let value =
        if variable.is_empty() || variable.contains(['=', '\0']) { None } else { environment.var(variable) };
    let Some(value) = value else {
        return Err(Unreadable::new(
            format!("{shown} is not set"),
            format!("set it, or name another variable in `{key}`"),
        ));
    };
    let secret = checked(value.into_encoded_bytes(), &shown)?;
    Ok(Read { secret, exposed: None })
}

fn checked(mut bytes: Vec<u8>, shown: &str) -> Result<SecretString, Unreadable> {
    let cure = "it must hold the secret alone";
    if bytes.len() as u64 > MAX_LEN {
        bytes.zeroize();
        return Err(Unreadable::new(format!("{shown} is larger than 64 KiB"), cure));
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    if bytes.is_empty() {
        return Err(Unreadable::new(format!("{shown} is empty"), cure));
    }
    match String::from_utf8(bytes) {
        Ok(text) if text.contains('\0') => {
            drop(SecretString::from(text));
            Err(Unreadable::new(format!("{shown} holds a NUL"), cure))
        }
        Ok(text) => Ok(SecretString::from(text)),
        Err(error) => {
            error.into_bytes().zeroize();
            Err(Unreadable::new(format!("{shown} is not UTF-8"), cure))
        }
    }
}

/// What the mode lets others do.
fn exposed(key: &str, written: &str, mode: u32) -> Option<(String, String)> {
    let who = |group: u32, others: u32| match (mode & group != 0, mode & others != 0) {
        (true, true) => Some("group and others"),
        (true, false) => Some("group"),
        (false, true) => Some("others"),
        (false, false) => None,
    };
    let (what, who) = match (who(0o020, 0o002), who(0o040, 0o004)) {
        (Some(who), _) => ("writable", who),
        (None, Some(who)) => ("readable", who),
        (None, None) => return None,
    };
    let message = format!("`{key}` is {what} by {who} ({:04o})", mode & 0o7777);
    Some((message, format!("take that away: `chmod 600 {}`", quoted(written).trim_matches('`'))))
}

/// An I/O error without its number.
pub(crate) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

/// The text of a secret, for the one check that needs it.
pub(crate) fn exposed_text(secret: &SecretString) -> &str {
    secret.expose_secret()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_off_one_line_break() {
        for (bytes, secret) in
            [("hunter2", "hunter2"), ("hunter2\n", "hunter2"), ("hunter2\r\n", "hunter2"), ("a\n\n", "a\n")]
        {
            assert_eq!(
                checked(bytes.into(), "it").map_err(|error| error.message).unwrap().expose_secret(),
                secret
            );
        }
    }

    #[test]
    fn names_who_can_read_or_write() {
        let message = |mode| exposed("client_secret_file", "s", mode).map(|(message, _)| message);
        assert_eq!(message(0o100_600), None);
        assert_eq!(message(0o100_400), None);
        assert_eq!(message(0o100_640).as_deref(), Some("`client_secret_file` is readable by group (0640)"));
        assert_eq!(
            message(0o100_644).as_deref(),
            Some("`client_secret_file` is readable by group and others (0644)")
        );
        assert_eq!(
            message(0o100_662).as_deref(),
            Some("`client_secret_file` is writable by group and others (0662)")
        );
    }

    #[test]
    fn a_credential_of_this_service_is_exposed_to_nobody_whatever_its_mode_shows() {
        let is_one = |folder: &str, file: &str| {
            let environment = BTreeMap::from([("CREDENTIALS_DIRECTORY".to_owned(), folder.to_owned())]);
            is_credential(Path::new(file), &environment)
        };
        assert!(is_one("/run/credentials/v.service", "/run/credentials/v.service/secret_github"));
        assert!(!is_one("/run/credentials/v.service", "/run/credentials/w.service/secret_github"));
        assert!(!is_one(
            "/run/credentials/v.service",
            "/run/credentials/v.service/../w.service/secret_github"
        ));
        assert!(!is_one("", "secret_github"));
        assert!(!is_credential(Path::new("/run/credentials/v.service/a"), &BTreeMap::new()));
    }

    #[test]
    fn what_may_be_a_secret_itself_is_not_repeated() {
        let environment = BTreeMap::<String, String>::new();
        let said = |error: Unreadable| format!("{}; {}", error.message, error.cure);
        let error = from_environment("client_secret_env", "gho_16C7e42F292c", &environment).err().unwrap();
        assert!(!said(error).contains("gho_"));
        let error = from_file("client_secret_file", "gho_16C7e42F292c", Path::new("/nowhere"), &environment)
            .err()
            .unwrap();
        assert!(!said(error).contains("gho_"));
        let error = from_environment("client_secret_env", "GITHUB_SECRET", &environment).err().unwrap();
        assert_eq!(
            said(error),
            "the environment variable `GITHUB_SECRET` of `client_secret_env` is not set; set it, or name \
             another variable in `client_secret_env`"
        );
    }
}
