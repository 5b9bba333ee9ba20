//! What a provider proved about a person: checked once, at the edge, and a type from there on.
//!
//! Knows no provider, plugin or database. The limits hold before anything is stored, so that every database sees the
//! same texts: PostgreSQL refuses a NUL that SQLite would take.

/// The longest account id and login, in bytes.
const MAX_ID: usize = 255;
/// The longest e-mail address, in bytes (RFC 5321 §4.5.3.1: 64 + `@` + 255).
const MAX_EMAIL: usize = 320;
/// The longest avatar URL, in bytes.
const MAX_AVATAR_URL: usize = 2048;
/// The longest name, in characters; the rest is cut.
const MAX_NAME: usize = 255;

/// Whether the provider vouches for an e-mail address. Stored as 0, 1 and 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// The provider says that it is not verified.
    No,
    /// The provider says that it is.
    Yes,
    /// The provider says nothing.
    Unknown,
}

impl Verified {
    /// As the database keeps it.
    pub const fn code(self) -> i64 {
        match self {
            Self::No => 0,
            Self::Yes => 1,
            Self::Unknown => 2,
        }
    }

    /// From what the database or a plugin says; anything new counts as unknown.
    pub const fn from_code(code: i64) -> Self {
        match code {
            0 => Self::No,
            1 => Self::Yes,
            _ => Self::Unknown,
        }
    }
}

/// An e-mail address as the provider gave it. It identifies nobody: two users never become one by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// At most 320 bytes.
    pub address: String,
    /// Whether the provider vouches for it.
    pub verified: Verified,
}

/// The parts of an account as a plugin hands them over, unchecked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawAccount {
    /// The provider's stable id of the account.
    pub account_id: String,
    /// The handle, which the person can change.
    pub login: Option<String>,
    /// The displayed name.
    pub name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// `email` as verified: 0 no, 1 yes, anything else unknown.
    pub email_verified: Option<i64>,
    /// Where a picture of the person is.
    pub avatar_url: Option<String>,
}

/// A proven account at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    account_id: String,
    login: Option<String>,
    name: Option<String>,
    email: Option<Email>,
    avatar_url: Option<String>,
}

/// Why the parts make no account. No message repeats what the provider sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAccount {
    /// No account id.
    #[error("the provider gave no account id")]
    NoId,
    /// An account id of more than 255 bytes.
    #[error("the provider gave an account id of {0} bytes, where 255 is the limit")]
    LongId(usize),
    /// A control character in the account id.
    #[error("the provider gave an account id with a control character")]
    ControlInId,
    /// The account id is what a program prints for an absent value.
    #[error("the provider gave an account id that stands for an absent value, such as `null`")]
    AbsentId,
    /// The account id is a number with a sign, a fraction or an exponent.
    #[error("the provider gave an account id that is a number with a sign, a fraction or an exponent")]
    NumberId,
    /// A NUL in the named part.
    #[error("the provider gave a NUL character in `{0}`")]
    Nul(&'static str),
}

impl Account {
    /// Checks the parts.
    ///
    /// The account id must be 1–255 bytes without control characters, and is kept byte for byte: no case folding, no
    /// normalisation, no number. A login over 255 bytes, an e-mail address over 320 and an avatar URL over 2048 count
    /// as absent, as does an empty text; a name is cut at 255 characters. A NUL anywhere fails.
    ///
    /// # Errors
    /// The first rule that the parts break.
    pub fn new(raw: RawAccount) -> Result<Self, NotAnAccount> {
        check_id(&raw.account_id)?;
        let email = text("email", raw.email, MAX_EMAIL)?;
        let name = text("name", raw.name, usize::MAX)?.map(|name| match name.char_indices().nth(MAX_NAME) {
            Some((end, _)) => name[..end].to_owned(),
            None => name,
        });
        Ok(Self {
            account_id: raw.account_id,
            login: text("login", raw.login, MAX_ID)?,
            name,
            email: email.map(|address| Email {
                address,
                verified: Verified::from_code(raw.email_verified.unwrap_or(Verified::Unknown.code())),
            }),
            avatar_url: text("avatar_url", raw.avatar_url, MAX_AVATAR_URL)?,
        })
    }

    /// The provider's stable id, 1–255 bytes.
    pub fn account_id(&self) -> &str {
        &self.account_id
    }

    /// The handle at the provider, at most 255 bytes.
    pub fn login(&self) -> Option<&str> {
        self.login.as_deref()
    }

    /// The displayed name, at most 255 characters.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The e-mail address.
    pub fn email(&self) -> Option<&Email> {
        self.email.as_ref()
    }

    /// Where a picture is, at most 2048 bytes.
    pub fn avatar_url(&self) -> Option<&str> {
        self.avatar_url.as_deref()
    }
}

fn check_id(id: &str) -> Result<(), NotAnAccount> {
    if id.is_empty() {
        return Err(NotAnAccount::NoId);
    }
    if id.len() > MAX_ID {
        return Err(NotAnAccount::LongId(id.len()));
    }
    if id.contains('\0') {
        return Err(NotAnAccount::Nul("account_id"));
    }
    if id.chars().any(char::is_control) {
        return Err(NotAnAccount::ControlInId);
    }
    // What JavaScript, Python and Go print for an absent value: everybody without an id would share the account.
    if ["null", "undefined", "None", "<nil>", "NaN"].contains(&id) {
        return Err(NotAnAccount::AbsentId);
    }
    if is_float(id) {
        return Err(NotAnAccount::NumberId);
    }
    Ok(())
}

/// Whether the text is a number that has been a float: ids beyond 2^53 would have lost their last digits and meet.
///
/// `1e5` passes: an opaque id in hexadecimal can look like that, and only round powers of ten are printed so.
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let exponent_signed = exponent.is_some_and(|e| e.starts_with(['+', '-']));
    digits(whole)
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
        && (unsigned.len() < text.len() || fraction.is_some() || exponent_signed)
}

fn text(part: &'static str, value: Option<String>, max: usize) -> Result<Option<String>, NotAnAccount> {
    match value {
        Some(value) if value.contains('\0') => Err(NotAnAccount::Nul(part)),
        Some(value) if value.is_empty() || value.len() > max => Ok(None),
        value => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_id(id: &str) -> Result<Account, NotAnAccount> {
        Account::new(RawAccount { account_id: id.to_owned(), ..RawAccount::default() })
    }

    #[test]
    fn keeps_an_account_id_byte_for_byte() {
        let longest = "x".repeat(255);
        for id in [
            "1",
            "01",
            "{a-b}",
            "tid:oid",
            "é",
            "e\u{301}",
            "98765432109876543210",
            "1e5",
            " a ",
            "-a",
            "Null",
            &longest,
        ] {
            assert_eq!(with_id(id).unwrap().account_id(), id);
        }
    }

    #[test]
    fn refuses_an_account_id_that_would_join_people() {
        assert_eq!(with_id(""), Err(NotAnAccount::NoId));
        assert_eq!(with_id(&"é".repeat(128)), Err(NotAnAccount::LongId(256)));
        assert_eq!(with_id("1\0"), Err(NotAnAccount::Nul("account_id")));
        for id in ["1\n", "\u{7f}", "\u{85}"] {
            assert_eq!(with_id(id), Err(NotAnAccount::ControlInId), "{id:?}");
        }
        for id in ["null", "undefined", "None", "NaN", "<nil>"] {
            assert_eq!(with_id(id), Err(NotAnAccount::AbsentId), "{id}");
        }
        for id in ["-1", "+1", "1.0", "1.5e3", "1e+21", "1E-7", "-1e5", "1234567890123456800.0"] {
            assert_eq!(with_id(id), Err(NotAnAccount::NumberId), "{id}");
        }
    }

    #[test]
    fn refuses_a_nul_in_any_text() {
        let nul = Some("a\0b".to_owned());
        let base = RawAccount { account_id: "1".to_owned(), ..RawAccount::default() };
        for (part, raw) in [
            ("login", RawAccount { login: nul.clone(), ..base.clone() }),
            ("name", RawAccount { name: nul.clone(), ..base.clone() }),
            ("email", RawAccount { email: nul.clone(), ..base.clone() }),
            ("avatar_url", RawAccount { avatar_url: nul, ..base }),
        ] {
            assert_eq!(Account::new(raw), Err(NotAnAccount::Nul(part)));
        }
    }

    #[test]
    fn cuts_a_name_between_characters_and_drops_what_is_too_long_to_be_true() {
        let account = Account::new(RawAccount {
            account_id: "1".to_owned(),
            login: Some("l".repeat(256)),
            name: Some("é".repeat(1 << 20)),
            email: Some("e".repeat(321)),
            email_verified: Some(1),
            avatar_url: Some("u".repeat(2049)),
        })
        .unwrap();
        assert_eq!(account.name(), Some("é".repeat(255).as_str()));
        assert_eq!((account.login(), account.email(), account.avatar_url()), (None, None, None));
    }

    #[test]
    fn says_unknown_where_the_provider_says_nothing_of_an_address() {
        let raw = |verified| RawAccount {
            account_id: "1".to_owned(),
            email: Some("a@example.org".to_owned()),
            email_verified: verified,
            ..RawAccount::default()
        };
        for (code, verified) in [
            (None, Verified::Unknown),
            (Some(0), Verified::No),
            (Some(1), Verified::Yes),
            (Some(2), Verified::Unknown),
            (Some(7), Verified::Unknown),
        ] {
            assert_eq!(Account::new(raw(code)).unwrap().email().unwrap().verified, verified);
        }
    }
}
