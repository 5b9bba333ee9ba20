//! `vestibule migrate`, and a server that leaves the schema to it.

use super::refusals::errors;
use super::*;
use crate::database::{Database, PostgresDatabase, on_both_databases};

/// Where the database of an installation is: the line for `[database]`, and a look into it.
pub(super) async fn place(
    installation: &Installation,
    database: Database,
) -> (String, Option<PostgresDatabase>) {
    match database {
        Database::Sqlite => {
            (format!("url = \"sqlite:{}\"", installation.path("vestibule.db").display()), None)
        }
        Database::Postgres => {
            let postgres = PostgresDatabase::empty().await;
            (format!("url = \"{}\"", postgres.url()), Some(postgres))
        }
    }
}

fn migrate(installation: &Installation) -> (Option<i32>, Vec<String>, Vec<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    let output = command
        .env_clear()
        .arg("migrate")
        .arg("--config")
        .arg(installation.path("config.toml"))
        .output()
        .unwrap();
    let lines = |bytes: &[u8]| {
        let text = installation.shortened(std::str::from_utf8(bytes).unwrap());
        text.lines().map(str::to_owned).collect()
    };
    (output.status.code(), lines(&output.stdout), lines(&output.stderr))
}

on_both_databases! {
    async fn a_server_that_may_not_change_the_schema_waits_for_the_verb(database) {
        let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
        let (url, postgres) = place(&installation, database).await;
        installation.configure_for(&idp, &format!("[database]\n{url}\nmigrate = \"manual\"\n"));
        let (code, said) = installation.refused();
        assert_eq!(code, Some(1), "{said}");
        let errors = errors(&said);
        assert_eq!(errors.len(), 1, "{said}");
        assert!(
            errors[0].ends_with(
                "lacks migration 1 (core), migration 2 (accepted), and `[database] migrate` is `manual`; run `vestibule migrate` first"
            ),
            "{said}"
        );

        let (code, done, said) = migrate(&installation);
        assert_eq!((code, said), (Some(0), vec![]));
        assert_eq!(done[..3], ["ran migration 1 (core)", "ran migration 2 (accepted)", "made `oauth_github`"]);
        assert!(done[3].starts_with("the database `") && done[3].ends_with("` is up to date"), "{done:?}");
        // Again, and nothing is left to do.
        let (code, done, _) = migrate(&installation);
        assert_eq!((code, done.len()), (Some(0), 1), "{done:?}");

        let process = installation.start();
        installation.visitor().sign_in("github", Some("octavia")).await.unwrap();
        assert_eq!(process.terminate().0, Some(0));
        drop(postgres);
    }

    async fn a_provider_without_a_table_is_unavailable_and_the_others_are_not(database) {
        let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
        let (url, postgres) = place(&installation, database).await;
        let section = format!("[database]\n{url}\nmigrate = \"manual\"\n");
        installation.configure_for(&idp, &section);
        assert_eq!(migrate(&installation).0, Some(0));
        installation.configure_for(&idp, &(section + &provider("second", idp.base_url())));
        let mut process = Process::spawn(&mut installation.command());
        let line = process.wait_for("`second` is unavailable");
        assert!(
            line.ends_with(
                "`oauth_second` is missing, and `[database] migrate` is `manual`; run `vestibule migrate`, then start again"
            ),
            "{line}"
        );
        process.wait_for("ready: github; unavailable: second");
        assert_eq!(process.terminate().0, Some(0));
        let (code, done, _) = migrate(&installation);
        assert_eq!((code, &*done[0]), (Some(0), "made `oauth_second`"));
        drop(postgres);
    }

    async fn a_table_that_the_database_does_not_let_us_make_is_no_fault_of_the_plugins(database) {
        let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
        let (url, postgres) = place(&installation, database).await;
        installation.configure(&format!("[database]\n{url}\n"));
        assert_eq!(migrate(&installation).0, Some(0));
        let look = match &postgres {
            Some(postgres) => Look::into_postgres(&postgres.url()).await,
            None => installation.database().await,
        };
        look.run("CREATE TABLE oauth_github (of_somebody_else TEXT)").await;
        installation.configure_for(&idp, &format!("[database]\n{url}\n"));
        let (code, done, said) = migrate(&installation);
        assert_eq!((code, done), (Some(1), vec![]), "{said:?}");
        let told = said.last().unwrap();
        assert!(told.starts_with("error: `github` was left as it is: the database failed (`provider table`)"), "{told}");
    }
}

#[test]
fn a_provider_that_cannot_be_started_is_named_and_the_rest_is_migrated() {
    let installation = Installation::new();
    installation.configure(&format!(
        "[plugin.github]\npath = \"nowhere.so\"\nsha256 = [\"{}\"]\n{}",
        pin(),
        provider("github", "https://github.com")
    ));
    let (code, done, said) = migrate(&installation);
    assert_eq!(code, Some(5), "{said:?}");
    assert_eq!(done, ["ran migration 1 (core)", "ran migration 2 (accepted)"]);
    assert!(said.last().unwrap().starts_with("error: `github` was left as it is: "), "{said:?}");
}

#[test]
fn a_configuration_at_fault_changes_nothing() {
    let installation = Installation::new();
    installation.configure("[database]\nurl = \"mysql:x\"\n");
    let (code, done, said) = migrate(&installation);
    assert_eq!((code, done), (Some(78), vec![]));
    assert_eq!(said.last().unwrap(), "nothing was changed: 1 error in the configuration");
}
