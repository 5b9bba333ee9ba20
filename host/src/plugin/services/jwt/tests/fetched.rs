//! With keys over HTTP, on a clock that the test moves.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use super::super::super::egress::Egress;
use super::super::super::http;
use super::*;
use crate::clock::ManualClock;

/// Keys over HTTP, as an issuer serves them, and how often they were fetched.
async fn issuer(clock: &Arc<ManualClock>) -> (Verifier, Known, String, Arc<AtomicUsize>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let fetched = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&fetched);
    let keys = json!({ "keys": signers().jwks() }).to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            count.fetch_add(1, Ordering::SeqCst);
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", keys.len());
            stream.write_all(format!("{head}{keys}").as_bytes()).await.unwrap();
        }
    });
    let egress = Arc::new(Egress { allow_networks: Vec::new(), loopback_allowed: true });
    let limit = Duration::from_secs(10);
    let client = http::client(&egress, limit, limit).unwrap();
    let http = Arc::new(http::Http {
        client,
        egress,
        vault: Arc::default(),
        deadline: limit,
        requests: Arc::default(),
    });
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    let verifier = Verifier { sets: KeySets::new(&http, &clock), clock };
    (verifier, Known::of_origin(&origin), format!("{origin}/keys"), fetched)
}

#[tokio::test]
async fn ten_thousand_random_key_ids_cost_one_fetch_in_a_cool_down() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(NOW * 1_000_000)));
    let (verifier, known, url, fetched) = issuer(&clock).await;
    let mut asked = asked();
    asked.jwks_uri = abi::record::Declared::Literal(url);
    let good = rs256(&claims());
    asked.token = good.as_str().into();
    assert!(verifier.verify(&known, &asked).await.is_ok());
    let (_, rest) = good.split_once('.').unwrap();
    for n in 0..10_000 {
        let header = json!({ "alg": "RS256", "kid": format!("random-{n}") }).to_string();
        asked.token = format!("{}.{rest}", b64(header)).into();
        assert!(verifier.verify(&known, &asked).await.is_err());
    }
    assert_eq!(fetched.load(Ordering::SeqCst), 2);
    clock.advance(Duration::from_secs(30));
    assert!(verifier.verify(&known, &asked).await.is_err());
    assert_eq!(fetched.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn times_are_those_of_the_injected_clock() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(NOW * 1_000_000)));
    let (verifier, known, url, _) = issuer(&clock).await;
    let mut asked = asked();
    asked.jwks_uri = abi::record::Declared::Literal(url);
    asked.token = rs256(&claims()).into();
    assert!(verifier.verify(&known, &asked).await.is_ok());
    clock.advance(Duration::from_secs(359));
    assert!(verifier.verify(&known, &asked).await.is_ok());
    clock.advance(Duration::from_secs(1));
    assert!(verifier.verify(&known, &asked).await.is_err());
    clock.set(Timestamp::from_micros((NOW - 66) * 1_000_000));
    assert!(verifier.verify(&known, &asked).await.is_err());
}

/// A provider's plugin may name as many addresses as it likes.
#[tokio::test]
async fn the_sets_of_one_provider_are_few() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(NOW * 1_000_000)));
    let (verifier, known, url, fetched) = issuer(&clock).await;
    let mut asked = asked();
    asked.token = rs256(&claims()).into();
    let mut verify = async |n: usize| {
        asked.jwks_uri = abi::record::Declared::Literal(format!("{url}/{n}"));
        assert!(verifier.verify(&known, &asked).await.is_ok());
    };
    for n in (0..9).chain([8]) {
        verify(n).await;
    }
    assert_eq!(fetched.load(Ordering::SeqCst), 9);
    verify(0).await;
    assert_eq!(fetched.load(Ordering::SeqCst), 10, "the first one was given up for the ninth");
}
