//! Databases that answer and are not used all the same.

use vestibule::store::{Options, Store};

use super::*;
use crate::database::Look;

async fn refused(url: &str) -> String {
    Store::open(&location_of(url), &Options::default()).await.err().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_encoding_is_refused_with_the_cure() {
    let database = PostgresDatabase::without_encoding().await;
    let said = refused(&database.url()).await;
    assert!(said.contains("its encoding is SQL_ASCII; make one with `createdb --encoding=UTF8"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_can_only_be_read_is_refused_at_the_start() {
    let database = PostgresDatabase::migrated().await;
    Look::into_postgres(&database.url())
        .await
        .run(
            "DO $$ BEGIN
                EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database());
             END $$",
        )
        .await;
    let said = refused(&database.url()).await;
    assert!(said.contains("cannot be used: it can only be read: it is a standby, or"), "{said}");
    assert!(said.ends_with("let `[database] url` lead to the primary"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_make_the_tables_is_told_so() {
    let database = PostgresDatabase::empty().await;
    // Roles are the server's, not the database's: the name is this test's alone.
    Look::into_postgres(&database.url())
        .await
        .run(
            "DO $$ BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vestibule_guest') THEN
                    CREATE ROLE vestibule_guest LOGIN;
                END IF;
             END $$;
             REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        )
        .await;
    let said = refused(&database.url().replace("postgres@", "vestibule_guest@")).await;
    assert!(
        said.contains("the database does not permit it (`migrations table`): permission denied"),
        "{said}"
    );
    assert!(said.ends_with("run `vestibule migrate` with the URL of their owner"), "{said}");
}
