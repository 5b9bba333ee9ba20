//! `--check`: two people sign in through each provider, one of them twice; a third is turned away where only groups are
//! let in; and what was stored is counted. Knows the visitor's answers and the tables' names; starts no server.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::lookalike::Provider;
use crate::error::{Error, Result};
use crate::program::in_path;

/// Two of demo-idp's people: one with every field filled, one whose account has no display name.
const PEOPLE: [&str; 2] = ["octavia", "kai"];

/// Who signs in, and where.
pub(super) struct Visitor<'a> {
    pub(super) program: &'a Path,
    pub(super) server: &'a str,
    pub(super) database: &'a Path,
}

/// A user, as `/api/v1/me` shows one.
#[derive(Debug, PartialEq, Eq)]
struct User {
    id: String,
    username: String,
    primary_provider: String,
}

/// Rows in the database, `None` where there is no `sqlite3` to count them.
#[derive(Debug, PartialEq, Eq)]
struct Rows {
    accounts: u64,
    identities: u64,
    users: u64,
}

/// Prints a line for each provider; any failure fails the whole.
pub(super) fn run(visitor: &Visitor<'_>, providers: &[Provider], log: &Path) -> Result<()> {
    let mut failed = 0;
    for provider in providers {
        let name = &provider.name;
        match visit(visitor, provider) {
            Ok(stored) => println!("ok      {name}  {stored}"),
            Err(problem) => {
                failed += 1;
                println!("FAILED  {name}  {problem}");
            }
        }
    }
    if failed == 0 { Ok(()) } else { Err(Error::Check { failed, all: providers.len(), log: log.to_owned() }) }
}

/// What was stored, in one line; the error says which expectation broke.
fn visit(visitor: &Visitor<'_>, provider: &Provider) -> std::result::Result<String, String> {
    let [one, other] = PEOPLE;
    let outsider = provider.personality.outsider();
    let provider = provider.name.as_str();
    // Before anything is counted: one who is turned away leaves no row.
    let refused = match outsider {
        Some(outsider) => visitor.is_turned_away(provider, outsider)?,
        None => String::new(),
    };
    let first = visitor.sign_in(provider, one)?;
    let second = visitor.sign_in(provider, other)?;
    let again = visitor.sign_in(provider, one)?;
    let rows = visitor.rows(provider)?;
    judge(provider, &first, &second, &again, rows.as_ref())?;
    let people = format!(
        "{one} is user {} (`{}`), {other} is user {} (`{}`)",
        first.id, first.username, second.id, second.username
    );
    let counted = match rows {
        Some(rows) => format!(
            "oauth_{provider} has {} rows, identities {}, users {}",
            rows.accounts, rows.identities, rows.users
        ),
        None => "rows not counted (no `sqlite3`: apt-get install sqlite3)".to_owned(),
    };
    Ok(format!("{people}; {one} again: the same user; {refused}{counted}"))
}

fn judge(
    provider: &str,
    first: &User,
    second: &User,
    again: &User,
    rows: Option<&Rows>,
) -> std::result::Result<(), String> {
    let [one, other] = PEOPLE;
    if first != again {
        return Err(format!("{one} was user {} and came back as user {}", first.id, again.id));
    }
    if first.id == second.id || first.username == second.username {
        return Err(format!("{one} and {other} are the same user {} (`{}`)", first.id, first.username));
    }
    for (person, user) in [(one, first), (other, second)] {
        if user.primary_provider != provider {
            return Err(format!("{person}'s primary provider is `{}`", user.primary_provider));
        }
    }
    let Some(rows) = rows else { return Ok(()) };
    if (rows.accounts, rows.identities) != (2, 2) || rows.users < 2 {
        return Err(format!(
            "two people left {} rows in oauth_{provider}, {} in identities and {} in users",
            rows.accounts, rows.identities, rows.users
        ));
    }
    Ok(())
}

impl Visitor<'_> {
    fn visit(&self, provider: &str, person: &str) -> std::result::Result<Output, String> {
        let mut command = Command::new(self.program);
        command.args(["--server", self.server, "--provider", provider, "--person", person, "--json"]);
        command.stdin(Stdio::null()).output().map_err(|error| format!("demo-visitor: {error}"))
    }

    /// Somebody who is in no group, where only groups are let in: ends on the page that says so.
    fn is_turned_away(&self, provider: &str, person: &str) -> std::result::Result<String, String> {
        let output = self.visit(provider, person)?;
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            return Err(format!("{person} signed in, and is in no group that is let in"));
        }
        if !said.contains("answered 403") {
            return Err(format!("{person} was to be turned away (403), and met: {}", said.trim()));
        }
        Ok(format!("{person} is turned away; "))
    }

    fn sign_in(&self, provider: &str, person: &str) -> std::result::Result<User, String> {
        let output = self.visit(provider, person)?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said =
                [said.trim(), text.trim()].into_iter().find(|said| !said.is_empty()).unwrap_or("(nothing)");
            return Err(format!("{person} could not sign in: {}: {said}", output.status));
        }
        user(&text)
            .ok_or_else(|| format!("{person}: demo-visitor answered `{}`, which names no user", text.trim()))
    }

    /// Reads beside the running server, which SQLite's write-ahead log allows.
    fn rows(&self, provider: &str) -> std::result::Result<Option<Rows>, String> {
        let Some(sqlite) = in_path("sqlite3") else { return Ok(None) };
        let query = format!(
            "select (select count(*) from \"oauth_{provider}\"), \
             (select count(*) from identities where provider = '{provider}'), (select count(*) from users)"
        );
        let mut command = Command::new(sqlite);
        command.args(["-readonly", "-batch", "-noheader", "-list"]).arg(self.database).arg(query);
        let output = command.stdin(Stdio::null()).output().map_err(|error| format!("sqlite3: {error}"))?;
        if !output.status.success() {
            return Err(format!("sqlite3: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        rows(&text).map(Some).ok_or_else(|| format!("sqlite3 answered `{}`", text.trim()))
    }
}

/// The user in the visitor's last line: the body of `/api/v1/me`.
fn user(text: &str) -> Option<User> {
    let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
    let answer: Value = serde_json::from_str(line).ok()?;
    let user = answer.get("user")?;
    let word = |key: &str| Some(user.get(key)?.as_str()?.to_owned());
    let id = match user.get("id")? {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    Some(User { id, username: word("username")?, primary_provider: word("primary_provider")? })
}

fn rows(text: &str) -> Option<Rows> {
    let numbers: Vec<u64> =
        text.trim().split('|').map(|number| number.parse().ok()).collect::<Option<_>>()?;
    let [accounts, identities, users] = numbers.try_into().ok()?;
    Some(Rows { accounts, identities, users })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(id: &str, username: &str) -> User {
        User { id: id.to_owned(), username: username.to_owned(), primary_provider: "github".to_owned() }
    }

    #[test]
    fn reads_the_user_of_the_visitors_last_line() {
        let line = r#"{"user":{"id":7,"username":"octavia","name":null,"primary_provider":"github"}}"#;
        assert_eq!(user(&format!("signing in\n{line}\n\n")), Some(found("7", "octavia")));
        assert_eq!(user("signed in"), None);
        assert_eq!(user(r#"{"errors":[{"detail":"not signed in"}]}"#), None);
    }

    #[test]
    fn reads_three_counts() {
        assert_eq!(rows("2|2|6\n"), Some(Rows { accounts: 2, identities: 2, users: 6 }));
        assert_eq!(rows("2|2"), None);
        assert_eq!(rows(""), None);
    }

    #[test]
    fn accepts_two_people_of_whom_one_came_back() {
        let rows = Rows { accounts: 2, identities: 2, users: 2 };
        let (one, other) = (found("1", "octavia"), found("2", "kai"));
        assert_eq!(judge("github", &one, &other, &found("1", "octavia"), Some(&rows)), Ok(()));
        assert_eq!(judge("github", &one, &other, &found("1", "octavia"), None), Ok(()));
    }

    #[test]
    fn refuses_a_returning_person_who_became_somebody_new() {
        let refused =
            judge("github", &found("1", "octavia"), &found("2", "kai"), &found("3", "octavia-2"), None);
        assert_eq!(refused.unwrap_err(), "octavia was user 1 and came back as user 3");
    }

    #[test]
    fn refuses_two_people_in_one_user() {
        let one = found("1", "octavia");
        assert!(judge("github", &one, &found("1", "octavia"), &found("1", "octavia"), None).is_err());
    }

    #[test]
    fn refuses_a_user_of_another_provider() {
        let (one, other) = (found("1", "octavia"), found("2", "kai"));
        assert!(judge("gitlab", &one, &other, &found("1", "octavia"), None).is_err());
    }

    #[test]
    fn refuses_rows_that_two_people_do_not_explain() {
        let (one, other) = (found("1", "octavia"), found("2", "kai"));
        for (accounts, identities, users) in [(3, 2, 2), (2, 1, 2), (2, 2, 1)] {
            let rows = Rows { accounts, identities, users };
            assert!(judge("github", &one, &other, &found("1", "octavia"), Some(&rows)).is_err(), "{rows:?}");
        }
    }
}
