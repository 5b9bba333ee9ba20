//! Opening: the schema, the file, and what each thing that stands in the way says.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use vestibule::store::{Location, Options, ProviderChain, Store, StoreErrorKind};

use super::{Db, account, session};
use crate::database::{Database, on_both_databases};

async fn refused(path: &Path) -> String {
    refused_at(&Location::Sqlite(path.to_owned())).await
}

async fn refused_at(location: &Location) -> String {
    let options = Options { wait: Duration::from_millis(100), ..Options::default() };
    let opened = Store::open(location, &options).await;
    opened.err().expect("it opened").to_string()
}

#[tokio::test]
async fn every_table_is_strict_and_only_what_may_be_absent_is_nullable() {
    let db = Db::with(Database::Sqlite, &["github"]).await;
    let loose = "SELECT name FROM pragma_table_list
        WHERE schema = 'main' AND type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    assert_eq!(db.texts(loose).await, ["_sqlx_migrations"]);
    let nullable = "SELECT t.name || '.' || c.name FROM pragma_table_list t JOIN pragma_table_info(t.name) c
        WHERE t.schema = 'main' AND t.strict = 1 AND c.\"notnull\" = 0 AND NOT (c.pk > 0 AND c.type = 'INTEGER')
        ORDER BY 1";
    assert_eq!(
        db.texts(nullable).await,
        [
            "login_attempts.expected_iss",
            "login_attempts.user_id",
            "oauth_github.avatar_url",
            "oauth_github.email",
            "oauth_github.login",
            "oauth_github.name",
            "providers.accepted",
            "sessions.application",
            "sessions.parent",
        ]
    );
    assert_eq!(db.texts("PRAGMA journal_mode").await, ["wal"]);
}

#[tokio::test]
async fn the_database_is_readable_by_its_owner_alone() {
    let db = Db::with(Database::Sqlite, &["github"]).await;
    db.sign_in("github", &account("1", "alex"), session(1)).await.unwrap();
    let mut seen = 0;
    for entry in fs::read_dir(db.folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        seen += 1;
    }
    assert_eq!(seen, 4, "the database, -wal, -shm and .lock");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_starts_at_once_make_one_schema() {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(folder.path().join("v.db"));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let location = location.clone();
        tasks.spawn(async move { Store::open(&location, &super::options()).await.map(drop) });
    }
    for opened in tasks.join_all().await {
        opened.unwrap();
    }
}

#[tokio::test]
async fn names_the_missing_folder() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let path = missing.join("v.db");
    assert_eq!(
        refused(&path).await,
        format!(
            "the database `{}` cannot be created: the folder `{}` does not exist; create it, or change `[database] url`",
            path.display(),
            missing.display()
        )
    );
}

#[tokio::test]
async fn refuses_a_folder_and_a_file_that_is_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display();
    assert_eq!(
        refused(folder.path()).await,
        format!("the database `{path}` is a folder; name a file in `[database] url`")
    );
    let text = folder.path().join("notes.txt");
    let content = "not a database\n".repeat(1000);
    fs::write(&text, &content).unwrap();
    assert_eq!(
        refused(&text).await,
        format!("`{}` is not an SQLite database; move it away, or change `[database] url`", text.display())
    );
    assert_eq!(fs::read_to_string(&text).unwrap(), content);
}

#[tokio::test]
async fn says_that_another_process_holds_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
    let expected = format!(
        "the database `{}` is locked by another process; end it (`fuser` with that path shows it), then start again",
        path.display()
    );
    assert_eq!(refused(&path).await, expected);
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();

    // Somebody else is migrating.
    let lock = File::create(folder.path().join("v.db.lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(refused(&path).await, expected);
    drop(lock);
    Store::open(&Location::Sqlite(path), &super::options()).await.unwrap();
}

#[tokio::test]
async fn another_process_that_writes_for_long_makes_a_write_wait_and_no_read() {
    let db = Db::with(Database::Sqlite, &["github"]).await;
    db.sign_in("github", &account("1", "alex"), session(1)).await.unwrap();
    let options = Options { wait: Duration::from_millis(100), ..Options::default() };
    let impatient = Store::open(&Location::Sqlite(db.path()), &options).await.unwrap();
    let mut other = db.raw().await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();

    let error = impatient.end_session(&super::hash(1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Busy);
    assert!(error.is_temporary() && error.to_string().starts_with("the database is busy"), "{error}");
    assert!(impatient.find_session(&super::hash(1), super::NOW, super::DAY).await.unwrap().is_some());

    // A patient one waits for its turn.
    let token_hash = super::hash(1);
    let (ended, committed) = tokio::join!(db.store.end_session(&token_hash), async {
        sqlx::raw_sql("COMMIT").execute(&mut other).await
    });
    committed.unwrap();
    assert!(ended.unwrap());
}

/// Root may write everything; so that the test means something for root, too, the thread gives that right up. Threads
/// that it starts, SQLite's among them, inherit this.
fn without_root_rights(test: impl Future<Output = ()>) {
    let keep = CapabilitySet::DAC_OVERRIDE.complement();
    let now = capabilities(None).unwrap();
    let sets = CapabilitySets {
        effective: now.effective & keep,
        permitted: now.permitted & keep,
        inheritable: now.inheritable & keep,
    };
    set_capabilities(None, sets).unwrap();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn says_what_may_not_be_written() {
    without_root_rights(async {
        // The file.
        let db = Db::new(Database::Sqlite).await;
        db.store.close().await;
        fs::set_permissions(db.path(), Permissions::from_mode(0o400)).unwrap();
        assert_eq!(
            refused(&db.path()).await,
            format!(
                "the database `{0}` cannot be written: Permission denied (os error 13); let the server's user write `{0}` \
                 and its folder, or change `[database] url`",
                db.path().display()
            )
        );
        fs::set_permissions(db.path(), Permissions::from_mode(0o600)).unwrap();
        Store::open(&Location::Sqlite(db.path()), &super::options()).await.unwrap().close().await;

        // The folder: SQLite could open the file, and not write beside it.
        fs::set_permissions(db.folder.path(), Permissions::from_mode(0o500)).unwrap();
        let error = refused(&db.path()).await;
        fs::set_permissions(db.folder.path(), Permissions::from_mode(0o700)).unwrap();
        assert!(error.contains("cannot be written") && error.contains("and its folder"), "{error}");
    });
}

on_both_databases! {
    async fn every_statement_fits_the_schema(database) {
        let db = Db::new(database).await;
        let without_tables = db.store.check_statements().await.unwrap();
        for provider in ["github", "select"] {
            db.adopt(provider).await;
        }
        let with_tables = db.store.check_statements().await.unwrap();
        assert!(without_tables >= 20);
        let of_a_table = match database {
            Database::Sqlite => 9,
            Database::Postgres => 11,
        };
        assert_eq!(with_tables, without_tables + 2 * of_a_table);
    }

    async fn a_statement_that_does_not_fit_is_found(database) {
        let db = Db::with(database, &["github"]).await;
        db.run("ALTER TABLE oauth_github RENAME COLUMN avatar_url TO picture").await;
        let error = db.store.check_statements().await.unwrap_err().to_string();
        assert!(error.contains("avatar_url"), "{error}");
    }

    async fn what_was_written_is_there_after_the_next_start(database) {
        let mut db = Db::with(database, &["github"]).await;
        let user = db.sign_in("github", &account("1", "alex"), session(1)).await.unwrap().user;
        db.reopen(ProviderChain::embedded()).await;
        db.store.ping().await.unwrap();
        let again = db.sign_in("github", &account("1", "alex"), session(2)).await.unwrap();
        assert_eq!((again.user, again.created), (user, false));
    }

    async fn a_closed_store_answers_that_it_is_unavailable(database) {
        let db = Db::new(database).await;
        db.store.close().await;
        let error = db.store.ping().await.unwrap_err();
        assert!(error.is_temporary(), "{error}");
    }

    async fn refuses_a_database_that_needs_a_newer_host_and_touches_nothing(database) {
        let db = Db::new(database).await;
        db.store.close().await;
        db.run("UPDATE schema_info SET min_host = '99.0.0'; DELETE FROM _sqlx_migrations").await;
        let error = refused_at(&db.location()).await;
        assert!(error.contains("needs vestibule `99.0.0` or newer, this is `0."), "{error}");
        assert!(error.contains("restore the backup from before the upgrade"), "{error}");
        assert_eq!(db.count("SELECT COUNT(*) FROM _sqlx_migrations").await, 0);
    }

    async fn starts_on_a_newer_schema(database) {
        let mut db = Db::with(database, &["github"]).await;
        db.run(
            "ALTER TABLE users ADD COLUMN colour TEXT;
             ALTER TABLE sessions ADD COLUMN device TEXT NOT NULL DEFAULT '';
             INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             SELECT 999, 'from the future', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
        )
        .await;
        db.reopen(ProviderChain::embedded()).await;
        db.sign_in("github", &account("1", "alex"), session(1)).await.unwrap();
    }

    async fn refuses_a_schema_whose_past_was_changed(database) {
        let db = Db::new(database).await;
        db.store.close().await;
        db.run(match database {
            Database::Sqlite => "UPDATE _sqlx_migrations SET checksum = x'00'",
            Database::Postgres => "UPDATE _sqlx_migrations SET checksum = '\\x00'",
        })
        .await;
        let error = refused_at(&db.location()).await;
        assert!(error.contains("cannot be brought up to date"), "{error}");
    }
}
