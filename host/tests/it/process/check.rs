//! `vestibule check`, at the program itself: what it says, what it ends with, and that it changes nothing.

use std::collections::BTreeSet;

use super::migrate::place;
use super::*;
use crate::database::on_both_databases;

/// Exit code, standard output and standard error.
fn check(installation: &Installation, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command.env_clear().arg("check").args(arguments).arg("--config").arg(installation.path("config.toml"));
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| squeezed(&installation.shortened(std::str::from_utf8(bytes).unwrap()));
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// With one space for several: columns are as wide as the longest name, and a file's name is as long as its folder's.
fn squeezed(text: &str) -> String {
    text.lines()
        .map(|line| line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ") + "\n")
        .collect()
}

async fn installed() -> (Installation, DemoIdp) {
    let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
    installation.configure_for(&idp, "");
    (installation, idp)
}

fn text(installation: &Installation) -> String {
    fs::read_to_string(installation.path("config.toml")).unwrap()
}

fn files(installation: &Installation) -> BTreeSet<String> {
    fs::read_dir(installation.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// What is said of `github` when nothing is wrong.
fn fine(idp: &DemoIdp) -> String {
    let base = idp.base_url().trim_end_matches('/').to_owned();
    format!("github 0.1.0; client_secret goes to {base}/login/oauth/access_token only; hosts: {base}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_look_makes_no_database_and_says_where_the_secret_goes() {
    let (installation, idp) = installed().await;
    let before = files(&installation);
    let expected = format!(
        "ok [database] `vestibule.db` is not there yet: the first start makes it\n\
         ok github {}\n2 ok, 0 warnings, 0 errors. Nothing was changed.\n",
        fine(&idp)
    );
    assert_eq!(check(&installation, &[]), (Some(0), expected, String::new()));
    assert_eq!(files(&installation), before);
}

on_both_databases! {
    async fn everything_is_looked_at_while_the_server_runs(database) {
        let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
        let (url, postgres) = place(&installation, database).await;
        installation.configure_for(&idp, &format!("[database]\n{url}\n"));
        let process = installation.start();
        installation.visitor().sign_in("github", Some("octavia")).await.unwrap();
        let before = files(&installation);
        let (code, said, _) = check(&installation, &[]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("` is up to date\n") && said.contains(&fine(&idp)), "{said}");
        assert_eq!(files(&installation), before);

        // A new section gets no table by being looked at.
        installation.write("config.toml", text(&installation) + &provider("second", idp.base_url()));
        assert_eq!(check(&installation, &[]).0, Some(0));
        let look = match &postgres {
            Some(postgres) => Look::into_postgres(&postgres.url()).await,
            None => installation.database().await,
        };
        assert_eq!(look.values::<String>("SELECT name FROM providers").await, ["github"]);
        installation.visitor().sign_in("github", Some("octavia")).await.unwrap();
        assert_eq!(process.terminate().0, Some(0));
        // And while it does not run: not even the files that SQLite makes beside a database.
        let before = files(&installation);
        assert_eq!(check(&installation, &[]).0, Some(0));
        assert_eq!(files(&installation), before);
        drop(postgres);
    }

    async fn more_than_was_accepted_is_shown_accepted_and_then_taken_by_the_running_server(database) {
        let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
        let (url, postgres) = place(&installation, database).await;
        installation.configure_for(&idp, &format!("admin_socket = \"admin.sock\"\n[database]\n{url}\n"));
        let look = async || match &postgres {
            Some(postgres) => Look::into_postgres(&postgres.url()).await,
            None => installation.database().await,
        };
        let unstarted = check(&installation, &["--accept", "github"]);
        assert_eq!(unstarted.0, Some(1), "{unstarted:?}");
        assert_eq!(installation.start().terminate().0, Some(0));
        let (code, said, _) = check(&installation, &["--accept", "github"]);
        assert_eq!((code, &*said), (Some(0), "`github` asks for nothing that was not accepted. Nothing was changed.\n"));
        look().await.run("UPDATE providers SET accepted = '{}'").await;
        let base = idp.base_url().trim_end_matches('/').to_owned();
        let new = [format!("the host {base}"), format!("`client_secret` sent to {base}/login/oauth/access_token")];
        let (code, said, _) = check(&installation, &[]);
        assert_eq!(code, Some(5), "{said}");
        let line = format!(
            "error github `github` asks for more than was accepted: {}, {}; look at it, and if it is right, accept it \
             with `vestibule check --accept github`\n",
            new[0], new[1]
        );
        assert!(said.contains(&line), "{said}");
        assert!(said.ends_with(", 1 error. Nothing was changed.\n"), "{said}");

        let mut process = Process::spawn(&mut installation.command());
        process.wait_for("ready: no provider; unavailable: github");
        assert_eq!(
            check(&installation, &["--accept", "github"]),
            (
                Some(0),
                format!(
                    "new: {}\nnew: {}\naccepted for `github`. A running server takes it with `vestibule reload`.\n",
                    new[0], new[1]
                ),
                String::new()
            )
        );
        assert_eq!(check(&installation, &[]).0, Some(0));
        process.signal(Signal::HUP);
        process.wait_for("github available again");
        installation.visitor().sign_in("github", Some("octavia")).await.unwrap();
        assert_eq!(process.terminate().0, Some(0));
        drop(postgres);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_told_once_with_its_line_and_warnings_end_with_0() {
    let (installation, idp) = installed().await;
    fs::set_permissions(installation.path("client-secret"), Permissions::from_mode(0o640)).unwrap();
    let right = text(&installation);
    let line = right.lines().position(|line| line.starts_with("client_secret_file")).unwrap() + 1;
    let (code, said, _) = check(&installation, &[]);
    assert_eq!(code, Some(0));
    let warning = format!(
        "warn github config.toml:{line}: `client_secret_file` is readable by group (0640); take that away: \
         `chmod 600 client-secret`\n"
    );
    assert!(said.contains(&warning), "{said}");
    assert!(said.ends_with("1 ok, 1 warning, 0 errors. Nothing was changed.\n"), "{said}");

    installation.write("client-secret", CLIENT_SECRET);
    let second = provider("second", idp.base_url()).replace("base_url", "base_ulr");
    installation.write("config.toml", right.clone() + &second);
    let line = text(&installation).lines().position(|line| line.starts_with("base_ulr")).unwrap() + 1;
    let (code, said, _) = check(&installation, &[]);
    assert_eq!(code, Some(78));
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("error")).collect();
    let start = format!("error second config.toml:{line}: unknown key `base_ulr`; did you mean `base_url`? ");
    assert!(lines.len() == 1 && lines[0].starts_with(&start), "{said}");
    assert!(said.ends_with("2 ok, 0 warnings, 1 error. Nothing was changed.\n"), "{said}");

    let (code, said, _) = check(&installation, &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &json["counts"]["errors"]), (Some(78), &1.into()));
    assert_eq!(json["subjects"][2]["findings"][0]["blame"], "configuration");
    assert!(json["subjects"][1]["reach"]["hosts"][0].as_str().unwrap().starts_with("http://127.0.0.1:"));

    installation.write("config.toml", right.replace("public_url", "public_ulr"));
    let (code, said, _) = check(&installation, &[]);
    assert_eq!(code, Some(78));
    assert!(said.contains("config.toml:2: unknown key `public_ulr`; did you mean `public_url`?"), "{said}");
    assert!(
        said.contains("not checked: plugins, providers and the database: the server would not start\n"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_differs_from_its_pin_ends_with_5_whether_a_provider_uses_it_or_not() {
    let (installation, _idp) = installed().await;
    let wrong = "0".repeat(64);
    installation.write("config.toml", text(&installation).replace(&pin(), &wrong));
    let (code, said, _) = check(&installation, &[]);
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("error github config.toml:") && said.contains("differs from its pin"), "{said}");

    installation.configure(&plugin(&wrong));
    let (code, said, _) = check(&installation, &[]);
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("error [plugin.github] config.toml:5: "), "{said}");
    installation.configure(&plugin(&pin()));
    let (code, said, _) = check(&installation, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("ok [plugin.github] github 0.1.0; no provider uses it\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_used_leaves_the_rest_to_be_checked() {
    let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
    for (url, said_of_it) in [
        ("sqlite:nowhere/v.db", "the folder `nowhere` does not exist"),
        ("postgres://v@127.0.0.1:1/v?sslmode=disable", "is it running, and is `[database] url` right?"),
    ] {
        installation.configure_for(&idp, &format!("[database]\nurl = \"{url}\"\n"));
        let (code, said, _) = check(&installation, &[]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.starts_with("error [database] ") && said.contains(said_of_it), "{said}");
        assert!(said.contains(&fine(&idp)), "{said}");
        let not = "not checked: each provider's table, realm and consent: the database cannot be used\n";
        assert!(said.contains(not), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_realm_than_the_stored_one_is_an_error_of_the_configuration() {
    let (installation, _idp) = installed().await;
    assert_eq!(installation.start().terminate().0, Some(0));
    installation.database().await.run("UPDATE providers SET realm = 'https://other.example'").await;
    let (code, said, _) = check(&installation, &[]);
    assert_eq!(code, Some(78), "{said}");
    assert!(
        said.contains("`oauth_github` belongs to realm `https://other.example`, the settings say `"),
        "{said}"
    );
    let (code, _, said) = check(&installation, &["--accept", "github"]);
    assert_eq!(code, Some(1));
    assert!(said.starts_with("error: `oauth_github` belongs to realm"), "{said}");
    let (code, _, said) = check(&installation, &["--accept", "nobody"]);
    assert_eq!(
        (code, &*said),
        (Some(78), "error: there is no `[provider.nobody]` in the configuration; nothing was accepted\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_behind_is_told_and_left_behind() {
    let (installation, _idp) = installed().await;
    assert_eq!(installation.start().terminate().0, Some(0));
    let look = installation.database().await;
    look.run("ALTER TABLE providers DROP COLUMN accepted; DELETE FROM _sqlx_migrations WHERE version = 2")
        .await;
    let (code, said, _) = check(&installation, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.starts_with(
            "warn [database] `vestibule.db` lacks migration 2 (accepted), which the next start adds\n"
        ),
        "{said}"
    );
    let manual =
        text(&installation).replace("[plugin.github]", "[database]\nmigrate = \"manual\"\n[plugin.github]");
    installation.write("config.toml", manual);
    let (code, said, _) = check(&installation, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("lacks migration 2 (accepted); run `vestibule migrate`\n"), "{said}");
    assert_eq!(look.value::<i64>("SELECT COUNT(*) FROM _sqlx_migrations").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_does_not_answer_is_an_error_unless_nobody_is_asked() {
    let (installation, _idp) = (Installation::new(), ());
    let library = library("oidc");
    let pin = data_encoding::HEXLOWER.encode(&sha256(&fs::read(&library).unwrap()));
    installation.configure(&format!(
        "[plugin.oidc]\npath = \"{}\"\nsha256 = [\"{pin}\"]\n[provider.oidc]\ntransport = \"in-process\"\n\
         [provider.oidc.settings]\nissuer = \"http://127.0.0.1:1\"\nclient_id = \"c\"\n\
         client_secret_file = \"client-secret\"\n",
        library.display()
    ));
    let (code, said, _) = check(&installation, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the metadata of `http://127.0.0.1:1` cannot be fetched"), "{said}");
    let (code, said, _) = check(&installation, &["--offline"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("client_secret goes to the token_endpoint of http://127.0.0.1:1 only"), "{said}");
    assert!(
        said.contains("not checked: what needs the network: the issuers' metadata (`--offline`)\n"),
        "{said}"
    );
}
