//! A plugin from another compiler than the server's: Debian's own. It is loaded, and people sign in through it.

use std::path::{Path, PathBuf};
use std::process::Command;

use vestibule_demo_idp::{Endpoint, Fault};

use crate::database::everywhere;
use crate::world::Plan;

fn compiler() -> PathBuf {
    let path = std::env::var_os("VESTIBULE_TEST_RUSTC");
    path.expect(
        "VESTIBULE_TEST_RUSTC is not set: run `cargo xtask test`, or set it to the path of Debian's rustc",
    )
    .into()
}

fn version(rustc: &Path) -> String {
    let output = Command::new(rustc).arg("--version").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Builds the plugin `github` as plugins are shipped, in a target folder of its own; a later run finds it there.
fn built() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("second-compiler");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace).args(["build", "--locked", "--offline", "--profile", "plugin"]);
    cargo.args(["--package", "vestibule-plugin-github", "--target-dir"]).arg(&target);
    for other in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(other);
    }
    let output = cargo.env("RUSTC", compiler()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target.join("plugin/libvestibule_plugin_github.so")
}

#[test]
fn the_plugin_is_from_another_compiler_than_the_server() {
    let rustc = std::env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from);
    let (one, other) = (version(&rustc), version(&compiler()));
    assert_ne!(one, other, "these are to be two");
    // The compiler writes its name into what it makes.
    let bytes = std::fs::read(built()).unwrap();
    let named = |version: &str| bytes.windows(version.len()).any(|window| window == version.as_bytes());
    let number = |version: &str| version.split(' ').nth(1).unwrap().to_owned();
    assert!(named(&format!("rustc version {}", number(&other))), "{other} did not make it");
    assert!(!named(&format!("rustc version {}", number(&one))), "{one} made a part of it");
}

everywhere! {
    async fn people_sign_in_through_it(place) {
        let world = Plan { plugin: Some(built()), ..Plan::on(place) }.start().await;
        let first = world.visitor().sign_in("github", Some("octavia")).await.unwrap();
        let again = world.visitor().sign_in("github", Some("octavia")).await.unwrap();
        let other = world.visitor().sign_in("github", Some("beatriz-big")).await.unwrap();
        assert_eq!(first.id(), again.id());
        assert_ne!(first.id(), other.id());
        assert_eq!(world.count("oauth_github").await, 2);
    }

    async fn what_goes_wrong_there_is_an_error_of_that_sign_in(place) {
        let settings = "allowed_orgs = [\"acme\"]".to_owned();
        let world = Plan { plugin: Some(built()), settings, ..Plan::on(place) }.start().await;
        for (endpoint, fault) in [
            (Endpoint::Token, Fault::ErrorIn200),
            (Endpoint::Token, Fault::EchoSecret),
            (Endpoint::User, Fault::ServerError),
            (Endpoint::User, Fault::BadJson),
        ] {
            world.idp.set_fault_times(endpoint, fault, 1);
            world.visitor().sign_in("github", Some("octavia")).await.unwrap_err();
        }
        world.visitor().sign_in("github", Some("beatriz-big")).await.unwrap_err();
        world.visitor().sign_in("github", Some("octavia")).await.unwrap();
        assert_eq!(world.count("users").await, 1);
    }
}
