//! Providers' tables: made once, guarded by their realm, brought along by the chain.

use vestibule::reach::{Host, Reach, SecretPlace};
use vestibule::store::{AdoptError, Adopted, ProviderChain};

use super::{Db, NOW, account, name, session};
use crate::database::{Database, on_both_databases};

/// These hosts, and the secret at `/token` of each.
fn reach(hosts: &[&str]) -> Reach {
    let hosts = || hosts.iter().map(|host| Host::Origin((*host).to_owned()));
    let places = hosts().map(|host| SecretPlace { host, path: "/token".to_owned() });
    Reach { hosts: hosts().collect(), secrets: [("client_secret".to_owned(), places.collect())].into() }
}

#[tokio::test]
async fn a_name_stays_within_what_postgresql_keeps_of_it() {
    let db = Db::with(Database::Sqlite, &[&"z".repeat(40)]).await;
    let sql = db.texts("SELECT sql FROM sqlite_master WHERE instr(sql, 'oauth_') > 0").await.concat();
    let names: Vec<_> = sql.split('"').filter(|part| part.contains("oauth_")).collect();
    assert!(names.contains(&format!("ix_oauth_{}_pk", "z".repeat(40)).as_str()), "{names:?}");
    assert!(names.iter().all(|name| name.len() <= 63), "{names:?}");
}

on_both_databases! {
    async fn the_first_start_makes_the_table_and_the_next_finds_it(database) {
        let db = Db::new(database).await;
        let plugin = "github".parse().unwrap();
        let adopt = async || db.store.adopt_provider(&name("github"), &plugin, "https://github.com", &Reach::default(), NOW).await;
        let revision = 1;
        assert_eq!(adopt().await, Ok(Adopted { created: true, revision, accepted: true }));
        db.sign_in("github", &account("1", "alex"), session(1)).await.unwrap();
        assert_eq!(adopt().await, Ok(Adopted { created: false, revision, accepted: false }));
        assert_eq!(db.count("SELECT COUNT(*) FROM oauth_github").await, 1);
    }

    async fn starts_of_one_provider_at_once_make_one_table(database) {
        let db = Db::new(database).await;
        let (provider, plugin) = (name("github"), "github".parse().unwrap());
        let reach = Reach::default();
        let adopt = || db.store.adopt_provider(&provider, &plugin, "r", &reach, NOW);
        let (a, b, c) = tokio::join!(adopt(), adopt(), adopt());
        assert_eq!([a, b, c].into_iter().filter(|adopted| adopted.as_ref().unwrap().created).count(), 1);
    }

    async fn refuses_a_provider_whose_realm_changed(database) {
        let db = Db::with(database, &["github"]).await;
        let plugin = "github".parse().unwrap();
        for realm in ["https://ghe.example.org", "https://github.com/", "HTTPS://github.com", ""] {
            let error = db.store.adopt_provider(&name("github"), &plugin, realm, &Reach::default(), NOW).await.unwrap_err();
            assert!(matches!(error, AdoptError::RealmChanged { .. }));
            assert_eq!(
                error.to_string(),
                format!(
                    "`oauth_github` belongs to realm `https://github.com`, the settings say `{realm}`: account ids of one \
                     mean other people in the other; restore the settings, or give the provider a new name"
                )
            );
        }
        assert_eq!(db.texts("SELECT realm FROM providers").await, ["https://github.com"]);
        db.adopt("github").await;
    }

    async fn another_plugin_for_the_same_realm_takes_the_table_over(database) {
        let db = Db::with(database, &["github"]).await;
        let plugin = "oauth2".parse().unwrap();
        db.store.adopt_provider(&name("github"), &plugin, "https://github.com", &Reach::default(), NOW).await.unwrap();
        assert_eq!(db.texts("SELECT plugin FROM providers").await, ["oauth2"]);
    }

    async fn what_a_provider_may_reach_is_narrowed_silently_and_widened_only_by_consent(database) {
        let db = Db::new(database).await;
        let (provider, plugin) = (name("github"), "github".parse().unwrap());
        let (wide, narrow) = (reach(&["https://a.example", "https://b.example"]), reach(&["https://a.example"]));
        let adopt = async |reach: &Reach| db.store.adopt_provider(&provider, &plugin, "r", reach, NOW).await;
        let kept = async || db.texts("SELECT accepted FROM providers").await.concat();
        assert!(adopt(&wide).await.unwrap().accepted);
        assert!(kept().await.contains("https://b.example"));
        assert!(adopt(&narrow).await.unwrap().accepted);
        assert!(!kept().await.contains("https://b.example"));
        assert!(!adopt(&narrow).await.unwrap().accepted);
        for error in [adopt(&wide).await.unwrap_err(), db.store.provider_fits(&provider, "r", &wide).await.unwrap_err()] {
            assert_eq!(
                error.to_string(),
                "`github` asks for more than was accepted: the host https://b.example, `client_secret` sent to \
                 https://b.example/token; look at it, and if it is right, accept it with `vestibule check --accept github`"
            );
        }
        assert!(!kept().await.contains("https://b.example"));
        assert!(db.store.accept(&provider, &wide).await.unwrap());
        assert!(!adopt(&wide).await.unwrap().accepted);
        assert!(!db.store.accept(&name("nobody"), &wide).await.unwrap());
    }

    async fn a_row_from_before_there_was_consent_accepts_what_is_declared(database) {
        let db = Db::with(database, &["github"]).await;
        db.run("UPDATE providers SET accepted = NULL").await;
        let (plugin, wide) = ("github".parse().unwrap(), reach(&["https://a.example"]));
        let adopted = db.store.adopt_provider(&name("github"), &plugin, "https://github.com", &wide, NOW).await.unwrap();
        assert_eq!((adopted.created, adopted.accepted), (false, true));
        // What cannot be read is nobody's consent.
        db.run("UPDATE providers SET accepted = 'nonsense'").await;
        let error = db.store.adopt_provider(&name("github"), &plugin, "https://github.com", &wide, NOW).await.unwrap_err();
        assert!(error.to_string().contains("column `accepted` holds no valid value"), "{error}");
    }

    async fn a_later_step_reaches_every_table_once_configured_or_not(database) {
        let mut db = Db::with(database, &["github", "gone"]).await;
        db.sign_in("gone", &account("1", "alex"), session(1)).await.unwrap();
        let later = || {
            ProviderChain::embedded().and_then(
                "a column",
                "ALTER TABLE {table} ADD COLUMN tag TEXT NOT NULL DEFAULT 'new'; CREATE INDEX \"ix_{name}_tag\" ON {table} (tag)",
            )
        };
        // Twice: the second start must not repeat the step.
        for _ in 0..2 {
            db.reopen(later()).await;
            assert_eq!(db.texts("SELECT tag FROM oauth_gone").await, ["new"]);
            assert_eq!(db.count("SELECT COUNT(tag) FROM oauth_github").await, 0);
            assert_eq!(db.count("SELECT COUNT(*) FROM providers WHERE table_revision = 2").await, 2);
        }
        db.adopt("fresh").await;
        assert_eq!(db.count("SELECT COUNT(tag) FROM oauth_fresh").await, 0);
        // A host that does not know the step works on, and does not set the revision back.
        db.reopen(ProviderChain::embedded()).await;
        db.adopt("gone").await;
        assert!(!db.sign_in("gone", &account("1", "alex"), session(2)).await.unwrap().created);
        assert_eq!(db.count("SELECT COUNT(*) FROM providers WHERE table_revision = 2").await, 3);
    }

    async fn a_host_that_has_become_too_old_makes_and_changes_no_table(database) {
        let db = Db::with(database, &["github"]).await;
        // A newer host has been here since this one has started.
        db.run("UPDATE schema_info SET min_host = '99.0.0'").await;
        db.adopt("github").await;
        let plugin = "github".parse().unwrap();
        let error = db.store.adopt_provider(&name("late"), &plugin, "realm", &Reach::default(), NOW).await.unwrap_err();
        assert!(matches!(error, AdoptError::TooOld { .. }), "{error}");
        assert!(error.to_string().contains("`oauth_late` was left as it is: the database needs vestibule `99.0.0`"), "{error}");
        assert_eq!(db.count("SELECT COUNT(*) FROM providers").await, 1);
    }

    async fn a_step_that_fails_leaves_table_and_revision_as_they_were(database) {
        let db = Db::with(database, &["github"]).await;
        let broken = ProviderChain::embedded().and_then(
            "half",
            "ALTER TABLE {table} ADD COLUMN tag TEXT; INSERT INTO {table} (nonsense) VALUES (1)",
        );
        let options = vestibule::store::Options { chain: broken, ..super::options() };
        db.store.close().await;
        let location = db.location();
        let error = vestibule::store::Store::open(&location, &options).await.err().unwrap().to_string();
        assert!(error.contains("nonsense"), "{error}");
        assert_eq!(db.count("SELECT table_revision FROM providers").await, 1);
        let tags = match database {
            Database::Sqlite => "SELECT COUNT(*) FROM pragma_table_info('oauth_github') WHERE name = 'tag'",
            Database::Postgres => {
                "SELECT COUNT(*) FROM information_schema.columns WHERE table_name = 'oauth_github' AND column_name = 'tag'"
            }
        };
        assert_eq!(db.count(tags).await, 0);
        vestibule::store::Store::open(&location, &super::options()).await.unwrap();
    }

    async fn names_that_look_like_sql_or_like_each_other_live_side_by_side(database) {
        let longest = "z".repeat(40);
        let names = [
            "select",
            "users",
            "table",
            "providers",
            "a",
            "a_b",
            "b",
            "a_user",
            "a_pk",
            "a_user_pk",
            "zz",
            "zz_pkey",
            "zz_user_idx",
            "sqlite_master",
            &longest,
        ];
        let db = Db::with(database, &names).await;
        for (n, provider) in names.iter().enumerate() {
            let signed_in = db.sign_in(provider, &account("1", "alex"), session(n as u64)).await.unwrap();
            assert!(signed_in.created, "{provider}");
            assert_eq!(db.store.identities(signed_in.user.id).await.unwrap()[0].provider.as_str(), *provider);
        }
        let (tables, stray) = match database {
            Database::Sqlite => (
                "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name LIKE 'oauth%'",
                "SELECT COUNT(*) FROM sqlite_master WHERE type = 'index' AND name LIKE 'oauth%'",
            ),
            Database::Postgres => (
                "SELECT COUNT(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE 'oauth%'",
                "SELECT COUNT(*) FROM pg_class WHERE relkind <> 'r' AND relname LIKE 'oauth%'",
            ),
        };
        assert_eq!(db.count(tables).await, 15);
        // No index or constraint of a provider can be a provider's table: PostgreSQL keeps them in one name space.
        assert_eq!(db.count(stray).await, 0);
        db.is_whole().await;
    }

    async fn an_identity_of_a_provider_that_is_not_configured_any_more_is_still_shown(database) {
        let mut db = Db::with(database, &["gone"]).await;
        let user = db.sign_in("gone", &account("1", "alex"), session(1)).await.unwrap().user;
        db.reopen(ProviderChain::embedded()).await;
        assert_eq!(db.store.identities(user.id).await.unwrap()[0].login.as_deref(), Some("alex"));
        db.run("DELETE FROM oauth_gone").await;
        let identities = db.store.identities(user.id).await.unwrap();
        assert_eq!((identities[0].login.as_deref(), identities[0].last_sync), (None, None));
        assert_eq!(identities[0].account_id, "1");
    }
}
