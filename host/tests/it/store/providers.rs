//! Providers' tables: made once, guarded by their realm, brought along by the chain.

use vestibule::store::{AdoptError, Adopted, ProviderChain};

use super::{Db, NOW, account, name, session};

#[tokio::test]
async fn the_first_start_makes_the_table_and_the_next_finds_it() {
    let db = Db::new().await;
    let plugin = "github".parse().unwrap();
    let adopt = async || db.store.adopt_provider(&name("github"), &plugin, "https://github.com", NOW).await;
    let revision = ProviderChain::embedded().revision();
    assert_eq!(adopt().await, Ok(Adopted { created: true, revision }));
    db.sign_in("github", &account("1", "alex"), session(1)).await.unwrap();
    assert_eq!(adopt().await, Ok(Adopted { created: false, revision }));
    assert_eq!(db.count("SELECT COUNT(*) FROM oauth_github").await, 1);
}

#[tokio::test]
async fn starts_of_one_provider_at_once_make_one_table() {
    let db = Db::new().await;
    let (provider, plugin) = (name("github"), "github".parse().unwrap());
    let adopt = || db.store.adopt_provider(&provider, &plugin, "r", NOW);
    let (a, b, c) = tokio::join!(adopt(), adopt(), adopt());
    assert_eq!([a, b, c].into_iter().filter(|adopted| adopted.as_ref().unwrap().created).count(), 1);
}

#[tokio::test]
async fn refuses_a_provider_whose_realm_changed() {
    let db = Db::with(&["github"]).await;
    let plugin = "github".parse().unwrap();
    for realm in ["https://ghe.example.org", "https://github.com/", "HTTPS://github.com", ""] {
        let error = db.store.adopt_provider(&name("github"), &plugin, realm, NOW).await.unwrap_err();
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

#[tokio::test]
async fn another_plugin_for_the_same_realm_takes_the_table_over() {
    let db = Db::with(&["github"]).await;
    let plugin = "oauth2".parse().unwrap();
    db.store.adopt_provider(&name("github"), &plugin, "https://github.com", NOW).await.unwrap();
    assert_eq!(db.texts("SELECT plugin FROM providers").await, ["oauth2"]);
}

#[tokio::test]
async fn a_later_step_reaches_every_table_once_configured_or_not() {
    let mut db = Db::with(&["github", "gone"]).await;
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

#[tokio::test]
async fn a_step_that_fails_leaves_table_and_revision_as_they_were() {
    let db = Db::with(&["github"]).await;
    let broken = ProviderChain::embedded().and_then(
        "half",
        "ALTER TABLE {table} ADD COLUMN tag TEXT; INSERT INTO {table} (nonsense) VALUES (1)",
    );
    let options = vestibule::store::Options { chain: broken, ..super::options() };
    db.store.close().await;
    let location = vestibule::store::Location::Sqlite(db.path());
    let error = vestibule::store::Store::open(&location, &options).await.err().unwrap().to_string();
    assert!(error.contains("nonsense"), "{error}");
    assert_eq!(db.count("SELECT table_revision FROM providers").await, 1);
    assert_eq!(
        db.count("SELECT COUNT(*) FROM pragma_table_info('oauth_github') WHERE name = 'tag'").await,
        0
    );
    vestibule::store::Store::open(&location, &super::options()).await.unwrap();
}

#[tokio::test]
async fn names_that_look_like_sql_or_like_each_other_live_side_by_side() {
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
    let db = Db::with(&names).await;
    for (n, provider) in names.iter().enumerate() {
        let signed_in = db.sign_in(provider, &account("1", "alex"), session(n as u64)).await.unwrap();
        assert!(signed_in.created, "{provider}");
        assert_eq!(db.store.identities(signed_in.user.id).await.unwrap()[0].provider.as_str(), *provider);
    }
    assert_eq!(
        db.count("SELECT COUNT(*) FROM sqlite_master WHERE name LIKE 'oauth\\_%' ESCAPE '\\'").await,
        15
    );
    // No index or constraint of a provider can be a provider's table: PostgreSQL keeps them in one name space.
    let stray = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'index' AND name LIKE 'oauth%'";
    assert_eq!(db.count(stray).await, 0);
    assert_eq!(db.texts("PRAGMA integrity_check").await, ["ok"]);
}

#[tokio::test]
async fn a_name_stays_within_what_postgresql_keeps_of_it() {
    let db = Db::with(&[&"z".repeat(40)]).await;
    let sql = db.texts("SELECT sql FROM sqlite_master WHERE instr(sql, 'oauth_') > 0").await.concat();
    let names: Vec<_> = sql.split('"').filter(|part| part.contains("oauth_")).collect();
    assert!(names.contains(&format!("ix_oauth_{}_pk", "z".repeat(40)).as_str()), "{names:?}");
    assert!(names.iter().all(|name| name.len() <= 63), "{names:?}");
}

#[tokio::test]
async fn an_identity_of_a_provider_that_is_not_configured_any_more_is_still_shown() {
    let mut db = Db::with(&["gone"]).await;
    let user = db.sign_in("gone", &account("1", "alex"), session(1)).await.unwrap().user;
    db.reopen(ProviderChain::embedded()).await;
    assert_eq!(db.store.identities(user.id).await.unwrap()[0].login.as_deref(), Some("alex"));
    db.run("DELETE FROM oauth_gone").await;
    let identities = db.store.identities(user.id).await.unwrap();
    assert_eq!((identities[0].login.as_deref(), identities[0].last_sync), (None, None));
    assert_eq!(identities[0].account_id, "1");
}
