//! A proven account becomes a user: once, whole, and matched by nothing but its id.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use vestibule::account::{Account, Email, RawAccount, Verified};
use vestibule::clock::Timestamp;
use vestibule::reach::Reach;
use vestibule::store::{NewSession, Profile, SignIn, SignInError, SignupPolicy, Store, StoreErrorKind};

use super::{DAY, Db, NOW, account, hash, name, session};
use crate::database::{Database, on_both_databases};

async fn rows(db: &Db) -> [i64; 4] {
    [
        db.count("SELECT COUNT(*) FROM users").await,
        db.count("SELECT COUNT(*) FROM identities").await,
        db.count("SELECT COUNT(*) FROM oauth_github").await,
        db.count("SELECT COUNT(*) FROM sessions").await,
    ]
}

/// SQLite ends a transaction by itself when the disk is full; `RAISE(ROLLBACK)` does the same, without a disk.
#[tokio::test]
async fn a_transaction_that_the_database_ended_by_itself_costs_only_itself() {
    let db = Db::with(Database::Sqlite, &["github"]).await;
    db.run("CREATE TRIGGER full BEFORE INSERT ON identities BEGIN SELECT RAISE(ROLLBACK, 'full'); END").await;
    for n in 0..3 {
        db.sign_in("github", &account("1", "alex"), session(n)).await.unwrap_err();
        assert_eq!(rows(&db).await, [0, 0, 0, 0]);
    }
    db.run("DROP TRIGGER full").await;
    db.sign_in("github", &account("1", "alex"), session(9)).await.unwrap();
    assert_eq!(rows(&db).await, [1, 1, 1, 1]);
}

on_both_databases! {
    async fn hundred_first_sign_ins_of_one_account_at_once_make_one_user(database) {
        let db = Arc::new(Db::with(database, &["github"]).await);
        let mut tasks = JoinSet::new();
        for n in 0..100 {
            let db = db.clone();
            tasks.spawn(async move { db.sign_in("github", &account("1", "alex"), session(n)).await.unwrap() });
        }
        let signed_in = tasks.join_all().await;
        assert_eq!(signed_in.iter().filter(|one| one.created).count(), 1);
        assert_eq!(signed_in.iter().map(|one| one.user.id).collect::<HashSet<_>>().len(), 1);
        assert_eq!(rows(&db).await, [1, 1, 1, 100]);
    }

    async fn fifty_people_with_one_handle_become_fifty_users(database) {
        let db = Arc::new(Db::with(database, &["github"]).await);
        let mut tasks = JoinSet::new();
        for n in 0..50 {
            let db = db.clone();
            tasks.spawn(async move {
                db.sign_in("github", &account(&n.to_string(), "alex"), session(n)).await.unwrap()
            });
        }
        let names: HashSet<_> = tasks.join_all().await.iter().map(|one| one.user.username.canonical()).collect();
        assert_eq!(names.len(), 50);
        assert!(names.contains("alex") && names.contains("alex-2") && names.contains("alex-9"));
        assert!(names.iter().all(|name| name.starts_with("alex")), "{names:?}");
        assert_eq!(rows(&db).await, [50, 50, 50, 50]);
    }

    async fn gives_a_username_even_when_every_likely_one_is_taken(database) {
        struct Same;
        impl vestibule::random::Random for Same {
            fn fill(&self, buffer: &mut [u8]) {
                buffer.fill(0);
            }
        }
        let db = Db::with(database, &["github"]).await;
        let github = name("github");
        let mut names = Vec::new();
        for n in 0..12 {
            let account = account(&n.to_string(), "alex");
            let signup = SignupPolicy::Auto;
            let sign_in = SignIn { provider: &github, account: &account, signup, session: session(n), now: NOW };
            match db.store.sign_in(&sign_in, &Same).await {
                Ok(signed_in) => names.push(signed_in.user.username.to_string()),
                Err(SignInError::Store(error)) => {
                    assert_eq!(error.kind(), StoreErrorKind::Busy);
                    assert_eq!(n, 11);
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(names[9..], ["alex-00000", "user-0000000000"]);
        assert_eq!(rows(&db).await, [11, 11, 11, 11]);
    }

    async fn treats_usernames_that_differ_in_case_or_separator_as_taken(database) {
        let db = Db::with(database, &["github"]).await;
        let mut names = Vec::new();
        for (n, handle) in ["Alex_D", "alex-d", "ALEX.D"].into_iter().enumerate() {
            let account = account(&n.to_string(), handle);
            names
                .push(db.sign_in("github", &account, session(n as u64)).await.unwrap().user.username.to_string());
        }
        assert_eq!(names, ["Alex_D", "alex-d-2", "ALEX-D-3"]);
    }

    async fn a_second_sign_in_brings_the_details_up_to_date_and_makes_no_user(database) {
        let db = Db::with(database, &["github"]).await;
        let first = db.sign_in("github", &account("1", "alex"), session(1)).await.unwrap();
        let renamed = Account::new(RawAccount {
            account_id: "1".to_owned(),
            login: Some("sasha".to_owned()),
            name: Some("Sasha".to_owned()),
            email: Some("sasha@example.org".to_owned()),
            email_verified: Some(1),
            avatar_url: Some("https://example.org/a.png".to_owned()),
        })
        .unwrap();
        let provider = name("github");
        let later = NOW + DAY;
        let signup = SignupPolicy::Closed;
        let sign_in = SignIn { provider: &provider, account: &renamed, signup, session: session(2), now: later };
        let second = db.store.sign_in(&sign_in, &db.random).await.unwrap();

        assert!(first.created && !second.created);
        assert_eq!(second.user, first.user);
        let profile = db.store.profile(&second.user).await.unwrap();
        assert_eq!(
            profile,
            Profile { name: Some("Sasha".to_owned()), avatar_url: Some("https://example.org/a.png".to_owned()) }
        );
        let found = db.store.find_session_and_profile(&hash(2), later, DAY).await.unwrap().unwrap();
        assert_eq!((found.0.user, found.1), (second.user.clone(), profile));
        assert_eq!(db.store.find_session_and_profile(&hash(3), later, DAY).await.unwrap(), None);
        let identities = db.store.identities(second.user.id).await.unwrap();
        assert_eq!(identities.len(), 1);
        let identity = &identities[0];
        assert_eq!(identity.login.as_deref(), Some("sasha"));
        assert_eq!(
            identity.email,
            Some(Email { address: "sasha@example.org".to_owned(), verified: Verified::Yes })
        );
        assert_eq!((identity.linked_at, identity.last_sync, identity.public), (NOW, Some(later), false));

        // What the provider no longer says is forgotten.
        db.sign_in("github", &account("1", "sasha"), session(3)).await.unwrap();
        assert_eq!(db.store.profile(&second.user).await.unwrap(), Profile::default());
        assert_eq!(db.store.identities(second.user.id).await.unwrap()[0].email, None);
    }

    async fn never_joins_people_by_an_address_or_a_handle(database) {
        let db = Db::with(database, &["github", "gitlab"]).await;
        let with_email = |id: &str| {
            Account::new(RawAccount {
                account_id: id.to_owned(),
                login: Some("alex".to_owned()),
                email: Some("alex@example.org".to_owned()),
                email_verified: Some(1),
                ..RawAccount::default()
            })
            .unwrap()
        };
        let mut ids = HashSet::new();
        for (n, (provider, id)) in
            [("github", "1"), ("gitlab", "1"), ("github", "2"), ("gitlab", "2")].into_iter().enumerate()
        {
            ids.insert(db.sign_in(provider, &with_email(id), session(n as u64)).await.unwrap().user.id);
        }
        assert_eq!(ids.len(), 4);
    }

    async fn tells_account_ids_apart_by_their_bytes(database) {
        let db = Db::with(database, &["github"]).await;
        let ids = ["1", "01", "1 ", " 1", "a", "A", "\u{e9}", "e\u{301}", "ss", "ß", "18446744073709551616"];
        let mut users = HashSet::new();
        for (n, id) in ids.iter().enumerate() {
            users.insert(db.sign_in("github", &account(id, "alex"), session(n as u64)).await.unwrap().user.id);
        }
        assert_eq!(users.len(), ids.len());
        for (n, id) in ids.iter().enumerate() {
            let again = db.sign_in("github", &account(id, "alex"), session(100 + n as u64)).await.unwrap();
            assert!(!again.created, "{id:?}");
            assert_eq!(db.store.identities(again.user.id).await.unwrap()[0].account_id, *id);
        }
    }

    async fn closed_sign_up_writes_nothing(database) {
        let db = Db::with(database, &["github"]).await;
        let (provider, account) = (name("github"), account("1", "alex"));
        let signup = SignupPolicy::Closed;
        let sign_in = SignIn { provider: &provider, account: &account, signup, session: session(1), now: NOW };
        assert_eq!(db.store.sign_in(&sign_in, &db.random).await, Err(SignInError::SignupClosed));
        assert_eq!(rows(&db).await, [0, 0, 0, 0]);
    }

    async fn writes_all_rows_or_none(database) {
        let db = Db::with(database, &["github"]).await;
        let before = db.sign_in("github", &account("old", "old"), session(1)).await.unwrap();
        let failures = [
            ("users", "INSERT_USER"),
            ("oauth_github", "INSERT_ACCOUNT"),
            ("identities", "INSERT_IDENTITY"),
            ("sessions", "INSERT_SESSION"),
        ];
        let replacing = NewSession { replaces: Some(hash(1)), ..session(2) };
        for (table, statement) in failures {
            let statement = match database {
                Database::Postgres if table != "users" => "SIGN_IN_NEW",
                _ => statement,
            };
            db.refuse_rows(table).await;
            let error = db
                .sign_in("github", &account("canary-id", "canary-login"), replacing)
                .await
                .unwrap_err()
                .to_string();
            assert!(error.contains(statement) && error.contains("injected"), "{error}");
            assert!(!error.contains("canary"), "{error}");
            assert_eq!(rows(&db).await, [1, 1, 1, 1], "{statement}");
            let session = db.store.find_session(&hash(1), NOW, DAY).await.unwrap();
            assert_eq!(session.map(|session| session.user), Some(before.user.clone()));
            db.take_rows().await;
        }
        db.sign_in("github", &account("canary-id", "canary-login"), replacing).await.unwrap();
        assert_eq!(rows(&db).await, [2, 2, 2, 2 - 1]);
    }

    async fn gives_up_after_losing_three_races_and_leaves_nothing(database) {
        let db = Db::with(database, &["github"]).await;
        // Each time, somebody else has just made the account.
        db.run(match database {
            Database::Sqlite => {
                "CREATE TRIGGER race AFTER INSERT ON users BEGIN
                    INSERT INTO oauth_github (account_id, user_id, email_verified, created_at, last_sync)
                    VALUES ('1', new.id, 2, 0, 0);
                 END"
            }
            Database::Postgres => {
                "CREATE FUNCTION race() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    INSERT INTO oauth_github (account_id, user_id, email_verified, created_at, last_sync)
                    VALUES ('1', new.id, 2, 0, 0);
                    RETURN NULL;
                 END $$;
                 CREATE TRIGGER race AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION race()"
            }
        })
        .await;
        let Err(SignInError::Store(error)) = db.sign_in("github", &account("1", "alex"), session(1)).await else {
            panic!("it did not fail");
        };
        assert!(error.is_temporary(), "{error}");
        assert_eq!(rows(&db).await, [0, 0, 0, 0]);
    }

    async fn a_new_session_ends_the_one_that_the_browser_came_with(database) {
        let db = Db::with(database, &["github"]).await;
        db.sign_in("github", &account("1", "alex"), session(1)).await.unwrap();
        let replacing = NewSession { replaces: Some(hash(1)), ..session(2) };
        let second = db.sign_in("github", &account("2", "sam"), replacing).await.unwrap();
        assert_eq!(db.store.find_session(&hash(1), NOW, DAY).await.unwrap(), None);
        assert_eq!(db.store.find_session(&hash(2), NOW, DAY).await.unwrap().unwrap().user, second.user);
    }

    async fn a_user_id_never_comes_back(database) {
        let db = Db::with(database, &["github"]).await;
        let first = db.sign_in("github", &account("1", "alex"), session(1)).await.unwrap();
        db.run("DELETE FROM users").await;
        assert_eq!(rows(&db).await, [0, 0, 0, 0]);
        let second = db.sign_in("github", &account("1", "alex"), session(2)).await.unwrap();
        assert!(second.created);
        assert!(second.user.id > first.user.id);
    }

    async fn sql_in_a_value_is_a_value(database) {
        let db = Db::with(database, &["github"]).await;
        let evil = "'; DROP TABLE users; --\" $1 ? {table} \\";
        let raw = RawAccount {
            account_id: evil.to_owned(),
            login: Some(evil.to_owned()),
            name: Some(evil.to_owned()),
            email: Some(evil.to_owned()),
            email_verified: None,
            avatar_url: Some(evil.to_owned()),
        };
        let signed_in = db.sign_in("github", &Account::new(raw).unwrap(), session(1)).await.unwrap();
        assert_eq!(signed_in.user.username.as_str(), "DROP-TABLE-users-1-table");
        let identities = db.store.identities(signed_in.user.id).await.unwrap();
        let [identity] = identities.as_slice() else { panic!("{identities:?}") };
        let email = identity.email.as_ref().unwrap();
        assert_eq!(email.verified, Verified::Unknown);
        for text in [&identity.login, &identity.name, &identity.avatar_url, &Some(email.address.clone())] {
            assert_eq!(text.as_deref(), Some(evil));
        }
        assert_eq!(identity.account_id, evil);
    }

    async fn an_unknown_provider_signs_nobody_in(database) {
        let db = Db::with(database, &["github"]).await;
        let error = db.sign_in("gitlab", &account("1", "alex"), session(1)).await.unwrap_err();
        assert!(matches!(error, SignInError::Store(_)), "{error}");
        assert_eq!(rows(&db).await, [0, 0, 0, 0]);
    }

    async fn a_sign_in_that_is_cancelled_leaves_no_half_of_a_user(database) {
        let db = Arc::new(Db::with(database, &["github"]).await);
        for n in 0..40 {
            let task_db = db.clone();
            let task = tokio::spawn(async move {
                task_db.sign_in("github", &account(&n.to_string(), "alex"), session(n)).await
            });
            let pause = Duration::from_micros(100 * n);
            let _ = tokio::time::timeout(pause, std::future::pending::<()>()).await;
            task.abort();
            let _ = task.await;
        }
        // The connection is free again, with no transaction left open on it.
        db.sign_in("github", &account("last", "last"), session(1000)).await.unwrap();
        let [users, identities, accounts, sessions] = rows(&db).await;
        assert!(users >= 1);
        assert_eq!([identities, accounts, sessions], [users; 3]);
    }

    async fn fifty_writers_in_two_processes_see_no_error(database) {
        let db = Arc::new(Db::with(database, &["github", "gitlab"]).await);
        // What another process would have: its own connections to the same file.
        let other = Store::open(&db.location(), &super::options()).await.unwrap();
        let mut tasks = JoinSet::new();
        for n in 0..50_u64 {
            let db = db.clone();
            let store = if n < 25 { db.store.clone() } else { other.clone() };
            tasks.spawn(async move {
                let person = account(&(n % 7).to_string(), "alex");
                let plugin = "github".parse().unwrap();
                for round in 0..6 {
                    let number = n * 100 + round;
                    let provider = name(if number.is_multiple_of(2) { "github" } else { "gitlab" });
                    // Reads, then writes: what a plain BEGIN loses between two processes.
                    store.adopt_provider(&provider, &plugin, "https://github.com", &Reach::default(), NOW).await.unwrap();
                    let attempt = super::attempts::attempt(number, n % 5);
                    store.insert_attempt(&attempt).await.unwrap();
                    store.take_attempt(&attempt.state_hash, &attempt.browser_hash, NOW).await.unwrap();
                    let signup = SignupPolicy::Auto;
                    let session = session(number);
                    let sign_in = SignIn { provider: &provider, account: &person, signup, session, now: NOW };
                    let user = store.sign_in(&sign_in, &db.random).await.unwrap().user;
                    let later = NOW + Duration::from_secs(61);
                    let found = store.find_session(&hash(number), later, DAY).await.unwrap().unwrap();
                    assert_eq!(found.user, user);
                    assert!(store.touch_session(&hash(number), later).await.unwrap());
                    store.identities(user.id).await.unwrap();
                    if round % 3 == 0 {
                        assert!(store.end_session(&hash(number)).await.unwrap());
                        assert_eq!(store.find_session(&hash(number), later, DAY).await.unwrap(), None);
                    }
                    store.sweep(Timestamp::from_micros(0), DAY).await.unwrap();
                }
            });
        }
        tasks.join_all().await;
        assert_eq!(db.count("SELECT COUNT(*) FROM users").await, 14);
        assert_eq!(db.count("SELECT COUNT(*) FROM sessions").await, 50 * 4);
        db.is_whole().await;
    }
}
