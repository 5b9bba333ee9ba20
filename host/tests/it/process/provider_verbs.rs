//! `vestibule provider …`, at the program itself.

use super::migrate::place;
use super::*;
use crate::database::on_both_databases;

/// Exit code, standard output and standard error of `vestibule provider …`.
fn run(installation: &Installation, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command.env_clear().arg("provider").args(arguments).arg("--config").arg(installation.path("config.toml"));
    let output = command.current_dir(installation.folder.path()).output().unwrap();
    let text = |bytes: &[u8]| installation.shortened(std::str::from_utf8(bytes).unwrap());
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn refused(text: &str) -> (Option<i32>, String, String) {
    (Some(3), String::new(), text.to_owned())
}

/// Two providers; octavia and kai have come by the second alone. Then its section is gone, and the server has ended.
async fn with_an_orphan(installation: &Installation, idp: &DemoIdp, database: &str) {
    installation.configure_for(idp, database);
    let one = fs::read_to_string(installation.path("config.toml")).unwrap();
    assert!(idp.register_redirect_uri(CLIENT_ID, &format!("{}/auth/second/callback", installation.url())));
    installation.write("config.toml", one.clone() + &provider("second", idp.base_url()));
    let process = installation.start();
    installation.visitor().sign_in("second", Some("octavia")).await.unwrap();
    installation.visitor().sign_in("second", Some("kai")).await.unwrap();
    let (code, _, said) = run(installation, &["purge", "second", "--export", "gone"]);
    assert_eq!(code, Some(3));
    assert_eq!(
        said,
        "refused: `second` is configured. Take `[provider.second]` out of the configuration and reload, then purge.\n"
    );
    assert_eq!(process.terminate().0, Some(0));
    installation.write("config.toml", one);
}

on_both_databases! {
    async fn a_provider_goes_with_its_links_and_never_with_its_users(database) {
        let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
        let (url, postgres) = place(&installation, database).await;
        with_an_orphan(&installation, &idp, &format!("[database]\n{url}\n")).await;
        let look = match &postgres {
            Some(postgres) => Look::into_postgres(&postgres.url()).await,
            None => installation.database().await,
        };
        // Kai gets another way in, by hand: linking is not in this version.
        look.run(
            "INSERT INTO identities (user_id, provider, account_id, linked_at, public)
                SELECT user_id, 'github', account_id, linked_at + 1, 0 FROM identities WHERE user_id = 2;
             INSERT INTO oauth_github (account_id, user_id, email_verified, created_at, last_sync)
                SELECT account_id, user_id, 0, created_at, last_sync FROM oauth_second WHERE user_id = 2",
        )
        .await;

        let (code, list, _) = run(&installation, &["list"]);
        assert_eq!(code, Some(0));
        let lines: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1][..4], ["github", "github", "enabled", "1"], "{list}");
        assert_eq!(lines[2][..4], ["second", "github", "orphaned", "2"], "{list}");
        let (_, users, _) = run(&installation, &["users", "second", "--only", "--json"]);
        let users: serde_json::Value = serde_json::from_str(&users).unwrap();
        assert_eq!((&users["of"], &users["users"][0]["username"]), (&2.into(), &"octavia".into()));
        assert_eq!(users["users"].as_array().unwrap().len(), 1);
        let (code, users, _) = run(&installation, &["users", "second"]);
        assert!(code == Some(0) && users.ends_with("2 users\n") && users.contains("  github\n"), "{users}");

        assert_eq!(
            run(&installation, &["purge", "second"]),
            refused(
                "refused: 1 of 2 users have no other way to sign in. See `vestibule provider users second --only`.\n  \
                 --export FILE is required; --strand-users removes their links too. Accounts are never deleted.\n"
            )
        );
        let (code, _, said) = run(&installation, &["purge", "second", "--strand-users"]);
        assert!(code == Some(3) && said.starts_with("refused: --export FILE is required: it gets what is lost, 2 links"), "{said}");
        assert_eq!(look.count("identities").await, 3);

        let (code, done, said) = run(&installation, &["purge", "second", "--strand-users", "--export", "gone.csv"]);
        assert_eq!((code, &*said), (Some(0), ""));
        assert_eq!(
            done,
            "purged `second`: 2 links removed and written to gone.csv.\nUsers without any identity now: 1. Their accounts \
             stay, and so does the empty table `oauth_second`.\n"
        );
        let csv = fs::read_to_string(installation.path("gone.csv")).unwrap();
        let rows: Vec<&str> = csv.lines().collect();
        assert!(rows.len() == 3 && rows[0].starts_with("user_id,username,account_id,"), "{csv}");
        assert!(rows[1].starts_with("1,\"octavia\",\""), "{csv}");
        assert_eq!(fs::metadata(installation.path("gone.csv")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!((look.count("users").await, look.count("identities").await), (2, 1));
        assert_eq!(look.value::<String>("SELECT primary_provider FROM users WHERE id = 2").await, "github");
        assert_eq!(look.value::<i64>("SELECT COUNT(*) FROM oauth_second").await, 0);
        // Nobody names it any more: then it is gone whole.
        look.run("UPDATE users SET primary_provider = 'github'").await;
        let (code, done, _) = run(&installation, &["purge", "second", "--export", "nothing"]);
        assert_eq!((code, &*done), (Some(0), "purged `second`: 0 links removed and written to nothing.\n"));
        assert_eq!(look.values::<String>("SELECT name FROM providers").await, ["github"]);
        let (code, _, said) = run(&installation, &["purge", "second", "--export", "again"]);
        assert_eq!(code, Some(1));
        assert_eq!(said, "error: the database knows no provider `second`; see `vestibule provider list`\n");
        // The server starts on what is left.
        let process = installation.start();
        installation.visitor().sign_in("github", Some("kai")).await.unwrap();
        assert_eq!(process.terminate().0, Some(0));
        drop(postgres);
    }

    async fn another_realm_is_taken_over_on_purpose_alone(database) {
        let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
        let (url, postgres) = place(&installation, database).await;
        installation.configure_for(&idp, &format!("[database]\n{url}\n"));
        assert_eq!(installation.start().terminate().0, Some(0));
        let look = match &postgres {
            Some(postgres) => Look::into_postgres(&postgres.url()).await,
            None => installation.database().await,
        };
        let (code, done, _) = run(&installation, &["rebase", "github"]);
        assert!(code == Some(0) && done.ends_with(" already. Nothing was changed.\n"), "{done}");
        let realm = look.value::<String>("SELECT realm FROM providers").await;
        look.run("UPDATE providers SET realm = 'https://old.example'").await;
        let (code, done, _) = run(&installation, &["rebase", "github"]);
        assert_eq!(code, Some(3));
        assert!(done.starts_with(&format!("stored:     https://old.example\nconfigured: {realm}\n0 users will be ")), "{done}");
        assert!(done.ends_with("refused: say `--yes` if it is. Nothing was changed.\n"), "{done}");
        assert_eq!(look.value::<String>("SELECT realm FROM providers").await, "https://old.example");
        assert_eq!(run(&installation, &["rebase", "github", "--yes"]).0, Some(0));
        assert_eq!(look.value::<String>("SELECT realm FROM providers").await, realm);
        let process = installation.start();
        installation.visitor().sign_in("github", Some("octavia")).await.unwrap();
        assert_eq!(process.terminate().0, Some(0));
        drop(postgres);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_is_tried_without_a_person() {
    let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
    installation.configure_for(&idp, "");
    let (code, done, said) = run(&installation, &["test", "github"]);
    assert_eq!((code, &*said), (Some(0), ""), "{done}");
    let base = idp.base_url().trim_end_matches('/').to_owned();
    assert!(done.starts_with(&format!("ok     {base} answers (status ")), "{done}");
    assert!(
        done.ends_with(&format!(
            "the redirect URI to register: {}/auth/github/callback\n",
            installation.url()
        )),
        "{done}"
    );
    let text = fs::read_to_string(installation.path("config.toml")).unwrap();
    installation.write("config.toml", text.replace(&base, "http://127.0.0.1:1"));
    let (code, done, _) = run(&installation, &["test", "github"]);
    assert_eq!(code, Some(1));
    assert!(done.starts_with("error  http://127.0.0.1:1: "), "{done}");
    let (code, _, said) = run(&installation, &["test", "nobody"]);
    assert_eq!((code, &*said), (Some(78), "error: there is no `[provider.nobody]` in the configuration\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_the_running_server_still_serves_is_not_purged() {
    let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
    installation.configure_for(&idp, "admin_socket = \"admin.sock\"");
    let one = fs::read_to_string(installation.path("config.toml")).unwrap();
    installation.write("config.toml", one.clone() + &provider("second", idp.base_url()));
    let process = installation.start();
    installation.write("config.toml", one);
    let purge = ["purge", "second", "--export", "gone"];
    let still = "refused: the running server still serves `second`. Run `vestibule reload`, then purge.\n";
    assert_eq!(run(&installation, &purge), refused(still));
    assert!(!installation.path("gone").exists());
    assert_eq!(process.terminate().0, Some(0));
    assert_eq!(run(&installation, &purge).0, Some(0));
}
