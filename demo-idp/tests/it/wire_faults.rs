//! The faults that live in the connection, watched from the other end of it.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vestibule_demo_idp::{Endpoint, Fault, Options};

use crate::relying_party::{RelyingParty, form, post};

/// A connection with `GET /user` sent on it.
async fn ask(party: &RelyingParty, token: &str) -> TcpStream {
    let address = party.idp.base_url().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let request = format!(
        "GET /api/v3/user HTTP/1.1\r\nHost: {address}\r\nUser-Agent: it\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn under(fault: Fault) -> (RelyingParty, String) {
    let party =
        RelyingParty::start_with(Options { slow_pause: Duration::from_millis(20), ..Options::default() })
            .await;
    let token = party.token_for("octavia", "").await;
    party.idp.set_fault(Endpoint::User, fault);
    (party, token)
}

#[tokio::test]
async fn resets_the_connection_before_any_answer() {
    let (party, token) = under(Fault::Reset).await;
    let mut stream = ask(&party, &token).await;
    let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(party.idp.requests_to(Endpoint::User).len(), 1);
}

#[tokio::test]
async fn cuts_the_body_in_the_middle_after_promising_all_of_it() {
    let (party, token) = under(Fault::Cut).await;
    let mut answer = Vec::new();
    ask(&party, &token).await.read_to_end(&mut answer).await.unwrap();
    let text = String::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let promised = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert_eq!(body.len(), promised.parse::<usize>().unwrap() / 2);
    assert!(!body.is_empty());
    let error = party.api(&token, "/user").send().await.unwrap().bytes().await.unwrap_err();
    assert!(error.is_body() || error.is_decode(), "{error:?}");
}

#[tokio::test]
async fn cuts_even_an_answer_without_a_body() {
    let (party, _) = under(Fault::Cut).await;
    party.idp.set_fault(Endpoint::Authorize, Fault::Cut);
    let body = form(&[("person", "octavia")]);
    let answer = post(&party.http, &party.authorize_url(&[]), body).send().await.unwrap();
    assert_eq!(answer.status(), 302);
    assert!(answer.bytes().await.is_err());
}

#[tokio::test]
async fn dribbles_one_byte_at_a_time() {
    let (party, token) = under(Fault::Slow).await;
    let mut answer = party.api(&token, "/user").send().await.unwrap();
    let promised = answer.content_length().unwrap();
    let mut got = 0;
    for _ in 0..5 {
        got += answer.chunk().await.unwrap().unwrap().len();
    }
    assert!(got < 20 && promised > 100, "{got} of {promised} bytes after five reads");
}

#[tokio::test]
async fn stalls_until_the_caller_gives_up() {
    let (party, token) = under(Fault::Stall).await;
    let mut stream = ask(&party, &token).await;
    let mut byte = [0];
    let waited = tokio::time::timeout(Duration::from_millis(300), stream.read(&mut byte)).await;
    assert!(waited.is_err(), "{waited:?}");
    assert_eq!(party.idp.requests_to(Endpoint::User).len(), 1);
    // Only that endpoint, and only that connection.
    party.code_for("octavia").await;
}

#[tokio::test]
async fn refuses_connections_until_cleared_and_keeps_the_port() {
    let (party, token) = under(Fault::Refused).await;
    let address = party.idp.base_url().trim_start_matches("http://").to_owned();
    for _ in 0..3 {
        let error = TcpStream::connect(&address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
    let taken = std::net::TcpListener::bind(&address).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    party.idp.clear_faults();
    assert_eq!(party.api(&token, "/user").send().await.unwrap().status(), 200);
    party.idp.set_fault(Endpoint::All, Fault::Refused);
    assert!(party.api(&token, "/user").send().await.unwrap_err().is_connect());
    party.idp.clear_faults();
    assert_eq!(party.api(&token, "/user").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn sends_a_body_that_never_ends() {
    let (party, token) = under(Fault::Huge).await;
    let mut answer = party.api(&token, "/user").send().await.unwrap();
    assert_eq!(answer.content_length(), None);
    let mut got = 0;
    while got < 8 * 1024 * 1024 {
        got += answer.chunk().await.unwrap().expect("the body ended").len();
    }
}

#[tokio::test]
async fn sends_a_gzip_bomb_that_is_small_on_the_wire() {
    let (party, token) = under(Fault::GzipBomb).await;
    let mut wire = Vec::new();
    ask(&party, &token).await.read_to_end(&mut wire).await.unwrap();
    assert!(wire.len() < 2 * 1024 * 1024, "{} bytes", wire.len());
    assert!(String::from_utf8_lossy(&wire[..1024]).contains("content-encoding: gzip"));
    let mut answer = party.api(&token, "/user").send().await.unwrap();
    let mut opened = 0;
    while opened <= 32 * 1024 * 1024 {
        let chunk = answer.chunk().await.unwrap().expect("the bomb was a dud");
        assert!(chunk.iter().all(|byte| *byte == b' '));
        opened += chunk.len();
    }
}
