//! An account that a plugin reports, on its way to [`crate::account`], which judges it: no rule of accounts is here, but
//! for what only a stranger's picture needs.

use vestibule_abi as abi;

use super::error::{OperationError, OperationErrorKind};
use crate::account::{Account, RawAccount};
use crate::web::text::{AvatarUrl, Avatars};

/// The account as [`Account`] takes it: what it cuts is cut, what it drops is gone, and what it refuses fails the sign-in.
pub(super) fn check(reported: abi::record::Account) -> Result<abi::record::Account, OperationError> {
    // A page shows it, and there it must not become a script, nor a request in the clear. Plain http on loopback is a
    // demo's; whether a page shows that depends on `public_url`.
    let is_picture = |url: &String| AvatarUrl::parse(url, Avatars::HttpsAndLoopback).is_some();
    let nul = |url: &String| url.contains('\0');
    let account = Account::new(RawAccount {
        account_id: reported.account_id,
        login: reported.login,
        name: reported.name,
        email: reported.email,
        email_verified: Some(reported.email_verified.into()),
        avatar_url: reported.avatar_url.filter(|url| nul(url) || is_picture(url)),
    })
    .map_err(|why| OperationError::new(OperationErrorKind::BadAnswer, why.to_string()))?;
    let text = |text: Option<&str>| text.map(str::to_owned);
    Ok(abi::record::Account {
        account_id: account.account_id().to_owned(),
        login: text(account.login()),
        name: text(account.name()),
        email: account.email().map(|email| email.address.clone()),
        // Without an address there is nothing to be verified.
        email_verified: account
            .email()
            .and_then(|email| email.verified.code().try_into().ok())
            .unwrap_or(abi::record::verified::UNKNOWN),
        avatar_url: text(account.avatar_url()),
    })
}

#[cfg(test)]
mod tests {
    use abi::record::{Account, verified};

    use super::*;

    fn account(id: &str) -> Account {
        Account { account_id: id.to_owned(), ..Account::default() }
    }

    /// The same accounts pass here as do at the judge's, whose own tests say which.
    #[test]
    fn what_is_no_account_fails_the_sign_in() {
        let name = Account { name: Some("a\0b".to_owned()), ..account("1") };
        let picture = Account { avatar_url: Some("a\0b".to_owned()), ..account("1") };
        for bad in [account(""), account("null"), account("1.0"), account(&"a".repeat(256)), name, picture] {
            assert_eq!(check(bad).unwrap_err().kind, OperationErrorKind::BadAnswer);
        }
    }

    #[test]
    fn a_picture_is_fetched_over_https_or_not_at_all() {
        let shown = |url: &str| {
            check(Account { avatar_url: Some(url.to_owned()), ..account("1") }).unwrap().avatar_url.is_some()
        };
        assert!(shown("https://a.example/x"));
        let long = format!("https://a/{}", "x".repeat(2048));
        for url in
            ["javascript:alert(1)", "http://a.example/x", "https:", "data:image/png,x", "//a.example", &long]
        {
            assert!(!shown(url), "{url}");
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
        assert_eq!(of(None, verified::NO), verified::UNKNOWN);
        assert_eq!(of(Some(&"e".repeat(321)), verified::YES), verified::UNKNOWN);
    }
}
