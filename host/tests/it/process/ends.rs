//! SIGTERM lets what runs finish; `kill -9` leaves nothing half-made.

use super::*;
use crate::world::to_callback;

/// A browser that is back from the provider; its callback has been sent and waits for the token endpoint. The request,
/// once more, comes with it.
async fn held_sign_in(
    installation: &Installation,
    idp: &DemoIdp,
    fault: Fault,
) -> (tokio::task::JoinHandle<Result<(u16, String), reqwest::Error>>, reqwest::RequestBuilder) {
    idp.set_fault_times(Endpoint::Token, fault, 1);
    let mut visitor = installation.visitor();
    let (callback, cookies) = to_callback(&mut visitor, "octavia").await.unwrap();
    let request = plain_client().get(callback).header("cookie", &cookies);
    let again = request.try_clone().unwrap();
    let running = tokio::spawn(async move {
        let answer = request.send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    });
    until(|| !idp.requests_to(Endpoint::Token).is_empty()).await;
    (running, again)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_sigterm_a_running_sign_in_finishes() {
    let options = Options { slow_pause: Duration::from_millis(10), ..Options::default() };
    let (installation, idp) = (Installation::new(), DemoIdp::start(options).await.unwrap());
    installation.configure_for(&idp, "");
    let mut process = installation.start();
    let (sign_in, _) = held_sign_in(&installation, &idp, Fault::Slow).await;
    process.signal(Signal::TERM);
    process.wait_for(" INFO SIGTERM: no new requests, running ones have 15 s to end");
    assert_eq!(sign_in.await.unwrap().unwrap().0, 303);
    let (code, lines) = process.end();
    assert_eq!(code, Some(0));
    assert!(lines.last().unwrap().ends_with(" INFO stopped"), "{lines:?}");
    assert_eq!(installation.count("users").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_sigterm_nobody_new_is_let_in_and_a_stalled_sign_in_fails_whole() {
    let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
    installation.configure_for(&idp, "");
    let process = installation.start();
    let (sign_in, _) = held_sign_in(&installation, &idp, Fault::Stall).await;
    process.signal(Signal::TERM);
    until(|| TcpStream::connect(("127.0.0.1", installation.port)).is_err()).await;
    assert!(!sign_in.is_finished(), "the door is closed only after the last one left");
    let (status, page) = sign_in.await.unwrap().unwrap();
    assert_eq!(status, 503);
    assert!(page.contains("</html>"), "{page}");
    let (code, lines) = process.end();
    assert_eq!(code, Some(0));
    assert!(lines.last().unwrap().ends_with(" INFO stopped"), "{lines:?}");
    assert_eq!(installation.count("users").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigint_ends_it_as_well_and_the_next_start_takes_the_same_port() {
    let installation = Installation::new();
    installation.configure("");
    for signal in [Signal::INT, Signal::TERM] {
        let mut process = Process::spawn(&mut installation.command());
        let ready = process.wait_for("ready: ");
        let (url, port) = (installation.url(), installation.port);
        assert!(
            ready.ends_with(&format!(" INFO ready: no provider; generation 1, {url} on 127.0.0.1:{port}")),
            "{ready}"
        );
        // An idle connection keeps nobody waiting.
        let idle = TcpStream::connect(("127.0.0.1", port)).unwrap();
        process.signal(signal);
        assert_eq!(process.end().0, Some(0));
        drop(idle);
    }
}

async fn is_whole(installation: &Installation) {
    let database = installation.database().await;
    let check: String = database.value("PRAGMA integrity_check").await;
    assert_eq!(check, "ok");
    assert_eq!(database.value::<i64>("SELECT COUNT(*) FROM pragma_foreign_key_check").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_kill_9() {
    let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
    installation.configure_for(&idp, "");
    let process = installation.start();
    let mut visitors = [installation.visitor(), installation.visitor()];
    let mut sessions = Vec::new();
    for visitor in &mut visitors {
        visitor.sign_in("github", Some("octavia")).await.unwrap();
        let cookies = &visitor.browser().cookies;
        sessions.push(cookies.value("localhost", "__Host-vestibule_session").unwrap().to_owned());
    }
    let sign_out = plain_client()
        .post(format!("{}/logout", installation.url()))
        .header("sec-fetch-site", "same-origin")
        .header("cookie", format!("__Host-vestibule_session={}", sessions[1]));
    assert_eq!(sign_out.send().await.unwrap().status(), 303);
    process.kill();

    let process = installation.start();
    is_whole(&installation).await;
    assert_eq!(installation.me(&sessions[0]).await, 200);
    assert_eq!(installation.me(&sessions[1]).await, 401);
    assert_eq!(process.terminate().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_in_the_middle_of_a_sign_in_leaves_no_half_user_and_no_second_try() {
    let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
    installation.configure_for(&idp, "");
    let process = installation.start();
    let (sign_in, again) = held_sign_in(&installation, &idp, Fault::Stall).await;
    process.kill();
    sign_in.await.unwrap().unwrap_err();

    let process = installation.start();
    is_whole(&installation).await;
    for table in ["users", "identities", "oauth_github", "sessions", "login_attempts"] {
        assert_eq!(installation.count(table).await, 0, "{table}");
    }
    // The code may have been redeemed: nobody sends it again.
    let again = again.send().await.unwrap();
    assert_eq!(again.status(), 400);
    assert_eq!(idp.requests_to(Endpoint::Token).len(), 1);
    installation.visitor().sign_in("github", Some("octavia")).await.unwrap();
    assert_eq!(installation.count("users").await, 1);
    assert_eq!(process.terminate().0, Some(0));
}
