//! An account that a plugin reports, brought within the limits that every database and page counts on.

use vestibule_abi as abi;

use super::error::{OperationError, OperationErrorKind};
use crate::web::text::{AvatarUrl, Avatars};

/// Checks an account. The id decides who it is, so a bad one fails the sign-in; the rest is for show, so a bad field counts
/// as absent.
pub(super) fn check(account: abi::record::Account) -> Result<abi::record::Account, OperationError> {
    use abi::record::verified;
    let id = &account.account_id;
    if id.is_empty() || id.len() > 255 || id.contains('\0') {
        let what = match id.len() {
            0 => "is empty".to_owned(),
            n if n > 255 => format!("has {n} bytes, the limit is 255"),
            _ => "holds a NUL".to_owned(),
        };
        return Err(OperationError::new(OperationErrorKind::BadAnswer, format!("the account id {what}")));
    }
    let within = |field: Option<String>, limit: usize| {
        field.filter(|text| !text.is_empty() && text.len() <= limit && !text.contains('\0'))
    };
    let email = within(account.email, 320);
    Ok(abi::record::Account {
        login: within(account.login, 255),
        name: within(account.name, usize::MAX).map(|name| match name.char_indices().nth(255) {
            Some((end, _)) => name[..end].to_owned(),
            None => name,
        }),
        // A mark without an address says nothing.
        email_verified: match (&email, account.email_verified) {
            (Some(_), known @ (verified::NO | verified::YES)) => known,
            _ => verified::UNKNOWN,
        },
        email,
        // Plain http on loopback is a demo's; whether a page shows it depends on `public_url`.
        avatar_url: within(account.avatar_url, 2048)
            .filter(|url| AvatarUrl::parse(url, Avatars::HttpsAndLoopback).is_some()),
        account_id: account.account_id,
    })
}

#[cfg(test)]
mod tests {
    use abi::record::{Account, verified};

    use super::*;

    fn account(id: &str) -> Account {
        Account { account_id: id.to_owned(), ..Account::default() }
    }

    #[test]
    fn an_account_id_out_of_bounds_fails_the_sign_in() {
        assert!(check(account(&"a".repeat(255))).is_ok());
        for id in ["", "a\0b", &"a".repeat(256)] {
            assert_eq!(check(account(id)).unwrap_err().kind, OperationErrorKind::BadAnswer);
        }
    }

    #[test]
    fn other_fields_out_of_bounds_count_as_absent_and_a_name_is_cut() {
        let checked = check(Account {
            login: Some("l".repeat(256)),
            name: Some("é".repeat(300)),
            email: Some("e\0@example.org".to_owned()),
            email_verified: verified::YES,
            avatar_url: Some("javascript:alert(1)".to_owned()),
            ..account("1")
        });
        let checked = checked.unwrap();
        assert_eq!(checked.login, None);
        assert_eq!(checked.name.unwrap().chars().count(), 255);
        assert_eq!(checked.email, None);
        assert_eq!(checked.avatar_url, None);
        for url in [
            "http://a.example/x",
            "https:",
            "data:image/png,x",
            "//a.example",
            &format!("https://a/{}", "x".repeat(2048)),
        ] {
            let with = Account { avatar_url: Some(url.to_owned()), ..account("1") };
            assert_eq!(check(with).unwrap().avatar_url, None, "{url}");
        }
    }

    #[test]
    fn what_is_not_known_to_be_verified_is_not() {
        let of = |email: Option<&str>, email_verified| {
            let with = Account { email: email.map(str::to_owned), email_verified, ..account("1") };
            check(with).unwrap().email_verified
        };
        assert_eq!(of(Some("a@b"), verified::YES), verified::YES);
        assert_eq!(of(Some("a@b"), verified::NO), verified::NO);
        assert_eq!(of(Some("a@b"), 77), verified::UNKNOWN);
        assert_eq!(of(None, verified::YES), verified::UNKNOWN);
        assert_eq!(of(Some(&"e".repeat(321)), verified::YES), verified::UNKNOWN);
    }
}
