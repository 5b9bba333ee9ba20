//! The log: one line an event, and nothing in it that must not be there.

use super::*;

/// Everything that a browser can send to be logged: a sign-in, failed ones, and control characters everywhere.
async fn be_logged(installation: &Installation, idp: &DemoIdp) -> BTreeMap<&'static str, String> {
    let mut visitor = installation.visitor();
    visitor.sign_in("github", Some("octavia")).await.unwrap();
    let mut secrets = BTreeMap::from([("client secret", CLIENT_SECRET.to_owned())]);
    let authorize = &idp.requests_to(Endpoint::Authorize)[0];
    secrets.insert("state", authorize.query_param("state").unwrap());
    let token = &idp.requests_to(Endpoint::Token)[0];
    secrets.insert("code", token.form_param("code").unwrap());
    secrets.insert("code verifier", token.form_param("code_verifier").unwrap());
    secrets.insert("access token", idp.requests_to(Endpoint::User)[0].bearer().unwrap().to_owned());
    for (name, cookie) in [("session", "__Host-vestibule_session"), ("browser", "__Host-vestibule_browser")] {
        secrets.insert(name, visitor.browser().cookies.value("localhost", cookie).unwrap().to_owned());
    }

    let evil = "%0d%0aINFO%20forged%1b%5b31m%c2%9b31m%e2%80%ae";
    let mut other = installation.visitor();
    let page = other.begin("github").await.unwrap();
    let state = page.url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let callback = format!(
        "{}/auth/github/callback?state={state}&error=server_error{evil}&error_description={evil}",
        installation.url()
    );
    other.browser().visit(callback.parse().unwrap()).await.unwrap();
    secrets.insert("other state", state);
    let client = plain_client();
    for path in [
        format!("/login?provider={evil}&return_to={evil}"),
        format!("/auth/{evil}/callback?state=canary-of-an-address&code={evil}"),
        format!("/{evil}"),
    ] {
        let url = format!("{}{path}", installation.url());
        client
            .get(url)
            .header("user-agent", "\u{9b}31m")
            .header("referer", "canary-of-a-header")
            .send()
            .await
            .unwrap();
    }
    secrets.insert("address", "canary-of-an-address".to_owned());
    secrets.insert("header", "canary-of-a-header".to_owned());
    for fault in [Fault::ControlLogin, Fault::ErrorIn200, Fault::Html, Fault::EchoSecret] {
        idp.set_fault_times(
            if fault == Fault::EchoSecret { Endpoint::Token } else { Endpoint::User },
            fault,
            1,
        );
        let _ = installation.visitor().sign_in("github", Some("kai")).await;
    }
    secrets
}

fn is_clean(text: &str, secrets: &BTreeMap<&'static str, String>) {
    for (name, secret) in secrets {
        assert!(!text.contains(secret), "the {name} is in the log");
    }
    let control = text.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(control, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_one_line_of_text_without_secrets_and_control_characters() {
    let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
    installation.configure_for(&idp, "");
    let process = installation.start();
    let secrets = be_logged(&installation, &idp).await;
    let (code, lines) = process.terminate();
    assert_eq!(code, Some(0));
    for line in &lines {
        let (time, rest) = line.split_at(27);
        assert!(time.ends_with('Z') && time.starts_with("20"), "{line}");
        assert!(["ERROR", " WARN", " INFO", "DEBUG"].contains(&&rest[1..6]), "{line}");
    }
    let text = lines.join("\n");
    is_clean(&text, &secrets);
    // The search can find what is there.
    assert!(text.contains("signed in") && text.contains("`server_error??INFO?forged?[31m"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_line_of_the_json_log_is_an_object() {
    let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
    installation.configure_for(&idp, "");
    let config = fs::read_to_string(installation.path("config.toml")).unwrap();
    let broken = provider("broken", "http://127.0.0.1:1").replace("base_url", "base_ulr");
    installation
        .write("config.toml", config.replacen("[server]\n", "[server]\nlog = \"json\"\n", 1) + &broken);
    let process = installation.start();
    let secrets = be_logged(&installation, &idp).await;
    let (code, lines) = process.terminate();
    assert_eq!(code, Some(0));
    is_clean(&lines.join("\n"), &secrets);
    let mut failed = 0;
    for line in &lines {
        let event: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        assert!(event["timestamp"].is_string() && event["level"].is_string(), "{line}");
        assert!(event["message"].is_string(), "{line}");
        if event["message"] == "request failed" || event["message"] == "request refused" {
            assert_eq!(event["span"]["id"].as_str().map(str::len), Some(16), "{line}");
            failed += 1;
        }
    }
    assert!(failed >= 5, "{failed}");
}
