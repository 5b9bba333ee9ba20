//! Where the provider listens, whom it answers, and that it ends.

use std::io::ErrorKind;

use tokio::net::TcpStream;
use vestibule_demo_idp::{DemoIdp, Options};

use crate::relying_party::{RelyingParty, client};

#[tokio::test]
async fn listens_on_loopback_only() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let options = Options { listen: address.parse().unwrap(), ..Options::default() };
        let error = DemoIdp::start(options).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("loopback"), "{error}");
    }
}

#[tokio::test]
async fn answers_no_name_that_was_rebound_to_loopback() {
    let party = RelyingParty::start().await;
    let url = party.authorize_url(&[]);
    for host in ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""] {
        let answer = party.http.get(&url).header("host", host).send().await.unwrap();
        assert_eq!(answer.status(), 421, "{host}");
    }
    for host in ["localhost", "localhost:1", "127.0.0.1", "[::1]:2"] {
        assert_eq!(party.http.get(&url).header("host", host).send().await.unwrap().status(), 200, "{host}");
    }
}

#[tokio::test]
async fn says_when_the_port_is_taken() {
    let first = RelyingParty::start().await;
    let listen = first.idp.base_url().trim_start_matches("http://").parse().unwrap();
    let error = DemoIdp::start(Options { listen, ..Options::default() }).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

#[tokio::test]
async fn stops_when_it_is_dropped() {
    let party = RelyingParty::start().await;
    let address = party.idp.base_url().trim_start_matches("http://").to_owned();
    drop(party);
    assert_eq!(TcpStream::connect(address).await.err().unwrap().kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn repeats_codes_and_tokens_from_the_same_seed_alone() {
    let mut codes = Vec::new();
    for seed in ["one", "one", "two"] {
        let party = RelyingParty::start_with(Options { seed: seed.to_owned(), ..Options::default() }).await;
        codes.push(party.code_for("octavia").await);
        assert_ne!(codes.last(), Some(&party.code_for("octavia").await));
    }
    assert_eq!(codes[0], codes[1]);
    assert_ne!(codes[0], codes[2]);
}

#[tokio::test]
async fn refuses_a_body_over_one_mebibyte() {
    let party = RelyingParty::start().await;
    let request = client(Some("it")).post(party.url("/login/oauth/access_token"));
    let sent = request.body(vec![b'a'; 3 * 1024 * 1024]).send().await;
    // The answer, unless the connection ended under the sender's hands before it could be read.
    assert!(sent.map_or(true, |answer| answer.status() == 413));
    assert!(party.idp.requests().is_empty());
}
