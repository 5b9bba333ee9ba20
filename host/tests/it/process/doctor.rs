//! `vestibule doctor`, at the program itself: each trouble is found, named with its cure, and left as it is.

use super::migrate::place;
use super::*;
use crate::database::on_both_databases;

fn doctor(installation: &Installation) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command.env_clear().arg("doctor").arg("--config").arg(installation.path("config.toml"));
    let output = command.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    (output.status.code(), installation.shortened(std::str::from_utf8(&output.stdout).unwrap()))
}

on_both_databases! {
    async fn rows_that_do_not_belong_together_are_named_with_their_cure_and_left(database) {
        let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
        let (url, postgres) = place(&installation, database).await;
        installation.configure_for(&idp, &format!("[database]\n{url}\n"));
        let process = installation.start();
        for person in ["octavia", "kai"] {
            installation.visitor().sign_in("github", Some(person)).await.unwrap();
        }
        assert_eq!(process.terminate().0, Some(0));
        let (code, said) = doctor(&installation);
        assert_eq!(code, Some(0), "{said}");
        for trouble in ["without", "orphaned", "not configured"] {
            assert!(!said.contains(trouble), "{said}");
        }
        let look = match &postgres {
            Some(postgres) => Look::into_postgres(&postgres.url()).await,
            None => installation.database().await,
        };
        look.run("DELETE FROM identities WHERE user_id = 1; DELETE FROM oauth_github WHERE user_id = 2").await;
        let text = fs::read_to_string(installation.path("config.toml")).unwrap();
        let (code, said) = doctor(&installation);
        assert_eq!(code, Some(0), "{said}");
        for trouble in [
            "1 user without any identity: nobody can sign in as them",
            "1 in `identities` without a row in `oauth_github`",
            "1 in `oauth_github` without a row in `identities`",
        ] {
            assert!(said.contains(trouble), "{trouble}: {said}");
        }
        installation.write("config.toml", text.split("[provider.github]").next().unwrap());
        let (code, said) = doctor(&installation);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("orphaned: `oauth_github` has no section in the configuration; bring it back, or run"), "{said}");
        assert!(said.contains("2 users with the primary provider `github`, which is not configured"), "{said}");
        assert_eq!((look.count("users").await, look.count("identities").await, look.count("oauth_github").await), (2, 1, 1));
        drop(postgres);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_others_may_change_and_a_server_that_does_not_answer_are_found() {
    let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
    installation.configure_for(&idp, "admin_socket = \"admin.sock\"");
    let process = installation.start();
    let (code, said) = doctor(&installation);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("vestibule 0.1.0 serves generation 1\n"), "{said}");
    assert_eq!(process.terminate().0, Some(0));
    for (file, mode) in [("config.toml", 0o666), ("vestibule.db", 0o644), ("client-secret", 0o604)] {
        fs::set_permissions(installation.path(file), Permissions::from_mode(mode)).unwrap();
    }
    let (code, said) = doctor(&installation);
    assert_eq!(code, Some(1), "{said}");
    for trouble in [
        "`config.toml` is writable by group and others (0666), who can pin any plugin; run `chmod go-w config.toml`",
        "`vestibule.db` is open to group and others (0644)",
        "`client_secret_file` is readable by others (0604)",
        "no server answers at `admin.sock`",
    ] {
        assert!(said.contains(trouble), "{trouble}: {said}");
    }
}
