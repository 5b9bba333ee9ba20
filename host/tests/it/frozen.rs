//! The plugin `github` as it was when ABI epoch 1 was frozen: this host loads it, and people sign in through it. The file
//! is not built again; what it was built from, and how, stands beside it in `ORIGIN`. See docs/abi.md.

use std::path::{Path, PathBuf};

use vestibule::plugin::Plugin;
use vestibule::random::sha256;
use vestibule_demo_idp::visitor::VisitError;
use vestibule_demo_idp::{Endpoint, Fault};

use crate::database::everywhere;
use crate::world::Plan;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/epoch-1")
}

fn library() -> PathBuf {
    folder().join("libvestibule_plugin_github.so")
}

/// A line of `ORIGIN`.
fn origin(key: &str) -> String {
    let text = std::fs::read_to_string(folder().join("ORIGIN")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("ORIGIN has no `{key}`:\n{text}")).trim().to_owned()
}

#[test]
fn it_is_the_file_of_that_day() {
    let bytes = std::fs::read(library()).unwrap();
    assert_eq!(
        data_encoding::HEXLOWER.encode(&sha256(&bytes)),
        origin("sha256"),
        "this is the plugin of ABI epoch 1, and it is never built again; a change is a decision, see docs/abi.md"
    );
    assert_eq!(origin("bytes"), bytes.len().to_string());
    assert_eq!((origin("commit").len(), origin("command").as_str()), (40, "cargo xtask freeze"));
    let plugin = Plugin::load(&library(), &[sha256(&bytes)], &"github".parse().unwrap()).unwrap();
    let description = plugin.description();
    assert_eq!((description.name.as_str(), description.version.as_str()), ("github", "0.1.0"));
    assert_eq!(description.secret_keys, ["client_secret"]);
}

/// The status and the title of the page on which it ended.
fn ended(error: VisitError) -> (u16, String) {
    match error {
        VisitError::ErrorPage { status, title, .. } => (status, title),
        other => panic!("not an error page: {other}"),
    }
}

everywhere! {
    async fn people_sign_in_through_it(place) {
        let plan = Plan { plugin: Some(library()), ..Plan::on(place) };
        let world = plan.start().await;
        let first = world.visitor().sign_in("github", Some("octavia")).await.unwrap();
        let again = world.visitor().sign_in("github", Some("octavia")).await.unwrap();
        let other = world.visitor().sign_in("github", Some("beatriz-big")).await.unwrap();
        assert_eq!(first.id(), again.id());
        assert_ne!(first.id(), other.id());
        let rows: Vec<(String, String, String, i64)> = world
            .database()
            .await
            .rows("SELECT account_id, login, email, email_verified FROM oauth_github ORDER BY user_id")
            .await;
        assert_eq!(rows[0], ("583231".into(), "octavia".into(), "octavia@example.org".into(), 2));
        assert_eq!(rows[1].0, "9007199254740993");
        assert_eq!((rows.len(), world.count("users").await, world.count("identities").await), (2, 2, 2));
    }

    async fn what_goes_wrong_there_is_told_apart(place) {
        let settings = "allowed_orgs = [\"acme\"]".to_owned();
        let plan = Plan { plugin: Some(library()), settings, ..Plan::on(place) };
        let world = plan.start().await;
        world.visitor().sign_in("github", Some("octavia")).await.unwrap();
        let refused = world.visitor().sign_in("github", Some("beatriz-big")).await.unwrap_err();
        assert_eq!(ended(refused).0, 403);
        for (endpoint, fault, status) in [
            (Endpoint::Token, Fault::ErrorIn200, 503),
            (Endpoint::Token, Fault::EchoSecret, 502),
            (Endpoint::User, Fault::ServerError, 503),
            (Endpoint::User, Fault::BadJson, 502),
        ] {
            world.idp.set_fault_times(endpoint, fault, 1);
            let failed = world.visitor().sign_in("github", Some("octavia")).await.unwrap_err();
            assert_eq!(ended(failed).0, status, "{fault} at {endpoint}");
        }
        assert_eq!(world.count("users").await, 1);
    }
}
