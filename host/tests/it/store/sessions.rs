//! Sessions: exact in their ends, and gone when they are ended.

use std::time::Duration;

use vestibule::store::{NewSession, Swept};

use super::{DAY, Db, MICROSECOND, NOW, account, hash, session};
use crate::database::{Database, on_both_databases};

const IDLE: Duration = DAY.saturating_mul(7);

async fn signed_in(database: Database) -> Db {
    let db = Db::with(database, &["github"]).await;
    db.sign_in("github", &account("1", "alex"), session(1)).await.unwrap();
    db
}

on_both_databases! {
    async fn a_session_says_whose_it_is(database) {
        let db = signed_in(database).await;
        let found = db.store.find_session(&hash(1), NOW, IDLE).await.unwrap().unwrap();
        assert_eq!(found.user.username.as_str(), "alex");
        assert_eq!(found.user.primary_provider.as_str(), "github");
        assert_eq!((found.created_at, found.last_seen, found.expires_at), (NOW, NOW, NOW + 30 * DAY));
        assert_eq!(db.store.find_session(&hash(2), NOW, IDLE).await.unwrap(), None);
    }

    async fn a_session_ends_idle_and_absolutely_to_the_microsecond(database) {
        let db = signed_in(database).await;
        let holds = async |at| db.store.find_session(&hash(1), at, IDLE).await.unwrap().is_some();
        assert!(holds(NOW + IDLE - MICROSECOND).await);
        assert!(!holds(NOW + IDLE).await);
        for day in 1..30 {
            assert!(db.store.touch_session(&hash(1), NOW + day * DAY).await.unwrap());
        }
        assert!(holds(NOW + 30 * DAY - MICROSECOND).await);
        assert!(!holds(NOW + 30 * DAY).await);
    }

    async fn last_seen_is_written_once_a_minute(database) {
        let db = signed_in(database).await;
        let minute = Duration::from_secs(60);
        let found = db.store.find_session(&hash(1), NOW, IDLE).await.unwrap().unwrap();
        assert!(!found.wants_touch(NOW + minute));
        assert!(found.wants_touch(NOW + minute + MICROSECOND));
        assert!(!db.store.touch_session(&hash(1), NOW + minute).await.unwrap());
        assert!(db.store.touch_session(&hash(1), NOW + minute + MICROSECOND).await.unwrap());
        assert!(!db.store.touch_session(&hash(1), NOW + 2 * minute).await.unwrap());
        // A clock that was moved back takes nothing back.
        assert!(!db.store.touch_session(&hash(1), NOW - DAY).await.unwrap());
        let found = db.store.find_session(&hash(1), NOW + minute, IDLE).await.unwrap().unwrap();
        assert_eq!(found.last_seen, NOW + minute + MICROSECOND);
    }

    async fn an_ended_session_is_nobodys_at_once_and_touching_does_not_bring_it_back(database) {
        let db = signed_in(database).await;
        assert!(db.store.end_session(&hash(1)).await.unwrap());
        assert_eq!(db.store.find_session(&hash(1), NOW, IDLE).await.unwrap(), None);
        assert!(!db.store.touch_session(&hash(1), NOW + DAY).await.unwrap());
        assert!(!db.store.end_session(&hash(1)).await.unwrap());
        assert_eq!(db.store.find_session(&hash(1), NOW, IDLE).await.unwrap(), None);
    }

    async fn an_applications_session_is_none_here_and_ends_with_its_parent(database) {
        let db = signed_in(database).await;
        db.run(match database {
            Database::Sqlite => {
                "INSERT INTO sessions (token_hash, user_id, application, parent, created_at, last_seen, expires_at)
                 SELECT zeroblob(32), user_id, 'wiki', token_hash, created_at, last_seen, expires_at FROM sessions"
            }
            Database::Postgres => {
                "INSERT INTO sessions (token_hash, user_id, application, parent, created_at, last_seen, expires_at)
                 SELECT decode(repeat('00', 32), 'hex'), user_id, 'wiki', token_hash, created_at, last_seen, expires_at
                 FROM sessions"
            }
        })
        .await;
        assert_eq!(db.count("SELECT COUNT(*) FROM sessions").await, 2);
        assert_eq!(db.store.find_session(&[0; 32], NOW, IDLE).await.unwrap(), None);
        db.store.end_session(&hash(1)).await.unwrap();
        assert_eq!(db.count("SELECT COUNT(*) FROM sessions").await, 0);
    }

    async fn a_sweep_removes_what_is_over_and_counts_it(database) {
        let db = signed_in(database).await;
        let short = NewSession { expires_at: NOW + DAY, ..session(2) };
        db.sign_in("github", &account("1", "alex"), short).await.unwrap();
        db.sign_in("github", &account("1", "alex"), session(3)).await.unwrap();
        db.store.touch_session(&hash(3), NOW + DAY).await.unwrap();
        db.store.insert_attempt(&super::attempts::attempt(1, 1)).await.unwrap();

        let end = super::attempts::attempt(1, 1).expires_at;
        assert_eq!(db.store.sweep(end - MICROSECOND, IDLE).await.unwrap(), Swept { attempts: 0, sessions: 0 });
        assert_eq!(db.store.sweep(end, IDLE).await.unwrap(), Swept { attempts: 1, sessions: 0 });
        assert_eq!(db.store.sweep(NOW + DAY, IDLE).await.unwrap(), Swept { attempts: 0, sessions: 1 });
        assert_eq!(db.store.sweep(NOW + IDLE, IDLE).await.unwrap(), Swept { attempts: 0, sessions: 1 });
        assert!(db.store.find_session(&hash(3), NOW + IDLE, IDLE).await.unwrap().is_some());
    }
}
