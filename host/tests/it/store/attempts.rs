//! Login attempts: used once, by one, in time.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::task::JoinSet;
use vestibule::store::{Attempt, Purpose};

use super::{DAY, Db, MICROSECOND, NOW, hash, name};
use crate::database::{Database, on_both_databases};

pub(crate) fn attempt(state: u64, browser: u64) -> Attempt {
    Attempt {
        state_hash: hash(state),
        browser_hash: self::browser(browser),
        provider: name("github"),
        purpose: Purpose::SignIn,
        user_id: None,
        redirect_uri: "https://login.example.org/auth/github/callback".to_owned(),
        expected_iss: None,
        nonce: SecretString::from("nonce"),
        code_verifier: SecretString::from("verifier"),
        carry: String::new(),
        return_path: "/account".to_owned(),
        settings_digest: hash(7),
        created_at: NOW,
        expires_at: NOW + Duration::from_secs(600),
    }
}

fn browser(number: u64) -> [u8; 32] {
    hash(1_000_000 + number)
}

on_both_databases! {
    async fn another_browser_gets_nothing_and_spoils_nothing(database) {
        let db = Db::new(database).await;
        db.store.insert_attempt(&attempt(1, 1)).await.unwrap();
        assert!(db.store.take_attempt(&hash(1), &browser(2), NOW).await.unwrap().is_none());
        assert!(db.store.take_attempt(&hash(1), &browser(1), NOW).await.unwrap().is_some());
    }

    async fn an_attempt_comes_back_as_it_was_and_only_once(database) {
        let db = Db::new(database).await;
        let mut given = attempt(1, 1);
        given.expected_iss = Some("https://issuer.example.org".to_owned());
        given.carry = "c".repeat(1024);
        db.store.insert_attempt(&given).await.unwrap();

        let taken = db.store.take_attempt(&given.state_hash, &given.browser_hash, NOW).await.unwrap().unwrap();
        assert_eq!(taken.nonce.expose_secret(), "nonce");
        assert_eq!(taken.code_verifier.expose_secret(), "verifier");
        // The secrets print as nothing, here and there.
        assert_eq!(format!("{taken:?}"), format!("{given:?}"));
        assert!(!format!("{taken:?}").contains("verifier\""));
        assert!(db.store.take_attempt(&given.state_hash, &given.browser_hash, NOW).await.unwrap().is_none());
    }

    async fn twenty_callbacks_at_once_get_one_attempt(database) {
        let db = Arc::new(Db::new(database).await);
        db.store.insert_attempt(&attempt(1, 1)).await.unwrap();
        db.store.insert_attempt(&attempt(2, 1)).await.unwrap();
        let mut tasks = JoinSet::new();
        for _ in 0..20 {
            let db = db.clone();
            tasks.spawn(async move { db.store.take_attempt(&hash(1), &browser(1), NOW).await.unwrap() });
        }
        assert_eq!(tasks.join_all().await.iter().flatten().count(), 1);
        assert!(db.store.take_attempt(&hash(2), &browser(1), NOW).await.unwrap().is_some());
    }

    async fn an_attempt_expires_to_the_microsecond_and_is_gone(database) {
        let db = Db::new(database).await;
        let end = attempt(1, 1).expires_at;
        for (at, expected) in [(end - MICROSECOND, true), (end, false), (end + MICROSECOND, false)] {
            db.store.insert_attempt(&attempt(1, 1)).await.unwrap();
            assert_eq!(db.store.take_attempt(&hash(1), &browser(1), at).await.unwrap().is_some(), expected);
            assert_eq!(db.count("SELECT COUNT(*) FROM login_attempts").await, 0);
        }
    }

    async fn the_twenty_first_attempt_drops_the_browsers_oldest_and_nobody_elses(database) {
        let db = Db::new(database).await;
        db.store.insert_attempt(&attempt(999, 2)).await.unwrap();
        for n in 0..21 {
            let mut one = attempt(n, 1);
            one.created_at = NOW + Duration::from_secs(n);
            db.store.insert_attempt(&one).await.unwrap();
        }
        assert_eq!(db.count("SELECT COUNT(*) FROM login_attempts").await, 21);
        assert!(db.store.take_attempt(&hash(0), &browser(1), NOW).await.unwrap().is_none());
        for (n, whose) in (1..21).map(|n| (n, 1)).chain([(999, 2)]) {
            assert!(db.store.take_attempt(&hash(n), &browser(whose), NOW).await.unwrap().is_some(), "{n}");
        }
    }

    async fn the_newest_attempt_stays_when_the_clock_was_moved_back(database) {
        let db = Db::new(database).await;
        for n in 0..20 {
            db.store.insert_attempt(&attempt(n, 1)).await.unwrap();
        }
        let mut newest = attempt(20, 1);
        newest.created_at = NOW - DAY;
        db.store.insert_attempt(&newest).await.unwrap();
        assert_eq!(db.count("SELECT COUNT(*) FROM login_attempts").await, 20);
        assert!(db.store.take_attempt(&hash(20), &browser(1), NOW).await.unwrap().is_some());
    }

    async fn a_state_is_never_overwritten(database) {
        let db = Db::new(database).await;
        db.store.insert_attempt(&attempt(1, 1)).await.unwrap();
        let error = db.store.insert_attempt(&attempt(1, 2)).await.unwrap_err();
        let constraint = match database {
            Database::Sqlite => "login_attempts.state_hash",
            Database::Postgres => "ix_login_attempts_pk",
        };
        assert_eq!(
            error.to_string(),
            format!("the database refused a row (`INSERT_ATTEMPT`): {constraint}")
        );
        let kept = db.store.take_attempt(&hash(1), &browser(1), NOW).await.unwrap().unwrap();
        assert_eq!(kept.browser_hash, attempt(1, 1).browser_hash);
    }
}
