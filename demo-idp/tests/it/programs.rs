//! `demo-idp` and `demo-visitor`, started as programs.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};

use crate::relying_party::{client, json};
use crate::toy_server::{Manner, ToyServer};

fn idp(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo-idp"));
    command.args(arguments);
    command
}

async fn visitor(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo-visitor"));
    command.args(arguments);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn secret_file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A provider on a free port, with the address that it prints.
async fn started(mut command: Command) -> (Running, String) {
    let secret = secret_file("s3cret\n");
    command.args(["--listen", "127.0.0.1:0", "--client-id", "c1", "--redirect-uri", "http://localhost:9/a"]);
    command.arg("--client-secret-file").arg(secret.path());
    let mut running = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let output = running.0.stdout.take().unwrap();
    let line = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).unwrap();
        line
    });
    let line = line.await.unwrap();
    let address = line.strip_prefix("demo-idp listening on ").unwrap().trim_end().to_owned();
    (running, address)
}

#[tokio::test]
async fn idp_plays_an_openid_provider_and_gitlab_as_asked() {
    let http = client(Some("it"));
    let (_running, issuer) = started(idp(&[
        "--as",
        "oidc",
        "--base-path",
        "/realms/demo",
        "--issuer-slash",
        "--algorithm",
        "ES256",
        "--token-auth",
        "client_secret_post",
        "--callback-issuer",
        "absent",
        "--pkce",
        "required",
        "--fault",
        "jwks=keys-empty",
    ]))
    .await;
    assert!(issuer.ends_with("/realms/demo/"), "{issuer}");
    let metadata =
        json(http.get(format!("{issuer}.well-known/openid-configuration")).send().await.unwrap()).await;
    assert_eq!(metadata["issuer"], issuer);
    assert_eq!(metadata["id_token_signing_alg_values_supported"], serde_json::json!(["ES256"]));
    assert_eq!(metadata["token_endpoint_auth_methods_supported"], serde_json::json!(["client_secret_post"]));
    assert!(metadata.get("authorization_response_iss_parameter_supported").is_none());
    let keys = json(http.get(metadata["jwks_uri"].as_str().unwrap()).send().await.unwrap()).await;
    assert_eq!(keys, serde_json::json!({ "keys": [] }));

    let (_running, base) = started(idp(&["--as", "gitlab", "--base-path", "/gitlab"])).await;
    assert!(base.ends_with("/gitlab"), "{base}");
    let metadata =
        json(http.get(format!("{base}/.well-known/openid-configuration")).send().await.unwrap()).await;
    assert_eq!(metadata["issuer"], base);
}

#[tokio::test]
async fn idp_prints_one_line_when_it_is_ready_and_applies_faults() {
    let (_running, url) = started(idp(&[
        "--fault",
        "user=server-error",
        "--redirect-uri",
        "http://localhost:9/b",
        "--fault",
        "orgs=html",
    ]))
    .await;
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    let http = client(Some("it"));
    let second = "http%3A%2F%2Flocalhost%3A9%2Fb";
    let page = http.get(format!("{url}/login/oauth/authorize?client_id=c1&redirect_uri={second}"));
    assert_eq!(page.send().await.unwrap().status(), 200);
    assert_eq!(http.get(format!("{url}/api/v3/user")).send().await.unwrap().status(), 500);
}

#[test]
fn idp_refuses_what_it_cannot_do_and_says_why() {
    let secret = secret_file("s");
    let empty = secret_file(" \n");
    let path = secret.path().to_str().unwrap();
    let base = ["--redirect-uri", "http://localhost:9/a", "--client-secret-file"];
    let cases: [(&[&str], &str); 9] = [
        (
            &["--listen", "0.0.0.0:0", base[0], base[1], base[2], path],
            "`0.0.0.0:0` is not a loopback address",
        ),
        (&[base[0], base[1], base[2], "/nonexistent"], "cannot read the client secret from `/nonexistent`"),
        (
            &[base[0], base[1], base[2], empty.path().to_str().unwrap()],
            "is empty; write the client secret into it",
        ),
        (&[base[0], base[1], base[2], path, "--fault", "token=fast"], "unknown fault `fast`"),
        (&[base[0], base[1], base[2], path, "--fault", "token=float-id"], "it applies to user"),
        (
            &[base[0], base[1], base[2], path, "--fault", "token=iss-wrong"],
            "fault `iss-wrong` at `token` does nothing as `github`",
        ),
        (&[base[0], base[1], base[2], path, "--as", "azure"], "write one of github, oidc, gitlab"),
        (
            &[base[0], base[1], base[2], path, "--as", "oidc", "--algorithm", "HS256"],
            "write one of RS256, ES256",
        ),
        (&[], "--client-secret-file <FILE>"),
    ];
    for (arguments, expected) in cases {
        let output = idp(arguments).output().unwrap();
        assert!(!output.status.success());
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn idp_lists_its_faults() {
    let output = idp(&["--list-faults"]).output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    for fault in vestibule_demo_idp::Fault::ALL {
        assert!(text.lines().any(|line| line.starts_with(&format!("{fault} "))), "{fault}");
    }
    let help = String::from_utf8(idp(&["--help"]).output().unwrap().stdout).unwrap();
    assert!(help.contains("--redirect-uri <URI>") && help.contains("loopback"), "{help}");
}

#[tokio::test(flavor = "multi_thread")]
async fn visitor_prints_one_line_for_each_provider() {
    let toy = ToyServer::start(Manner::Right).await;
    let output = visitor(&["--server", &toy.address, "--provider", "github", "--person", "kai"]).await;
    assert!(output.status.success());
    let landed = format!("{}/account", toy.address);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("github: signed in as kai (id 7), landed on {landed}\n")
    );
    let output = visitor(&["--server", &toy.address, "--all"]).await;
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!(
            "github: signed in as octavia (id 7), landed on {landed}\n\
             github_corp: signed in as octavia (id 7), landed on {landed}\n"
        )
    );
    let output = visitor(&["--server", &toy.address, "--provider", "github", "--json"]).await;
    let me: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(me["user"]["username"], "octavia");
}

#[tokio::test(flavor = "multi_thread")]
async fn visitor_fails_with_a_message() {
    let toy = ToyServer::start(Manner::Right).await;
    let output = visitor(&["--server", &toy.address, "--provider", "github", "--person", "nadia-no"]).await;
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.starts_with("error: github: ") && message.contains("(id abcdefgh2345wxyz)"), "{message}");
    assert!(output.stdout.is_empty());
}
