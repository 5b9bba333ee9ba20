//! A provider that is down, slow, cut off or far too talkative: a named error in time, and memory that stays flat.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use vestibule::clock::SystemClock;
use vestibule::plugin::{OperationErrorKind as Kind, Shared, TransportKind};
use vestibule::random::SystemRandom;

use super::idp::{Idp, Reply, answer, ok};
use super::rig::{Rig, log, on_each_transport, send};

/// What comes of an answer. Requests end soon where it is about time.
async fn fault(
    transport: TransportKind,
    ends_after: Option<Duration>,
    reply: impl Fn() -> Reply + Send + Sync + 'static,
) -> (Kind, String) {
    let idp = Idp::start(move |_| reply()).await;
    let rig = Rig::new(transport, &idp.url).limits(|l| l.request = ends_after.unwrap_or(l.request));
    let provider = rig.ready().await;
    let url = idp.at("/path?code=canary-code-in-url");
    let error = send(&provider, &[("url", &url)]).await.unwrap_err();
    assert!(!error.message.contains("canary-code-in-url"), "the URL stays out: {error}");
    assert_eq!(idp.requests().len(), 1, "nothing is sent twice");
    (error.kind, error.message)
}

#[test]
fn a_provider_that_cannot_be_reached_is_down() {
    on_each_transport(async |transport| {
        let refused = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            format!("http://{}", listener.local_addr().unwrap())
        };
        let provider = Rig::new(transport, &refused).ready().await;
        let error = send(&provider, &[("url", &format!("{refused}/?code=canary-code-in-url"))]).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind, Kind::ProviderDown);
        assert!(error.message.contains("refused") && !error.message.contains("canary"), "{error}");
        let nowhere = "https://no-such-name.invalid";
        let provider = Rig::new(transport, nowhere).ready().await;
        let error = send(&provider, &[("url", nowhere)]).await.unwrap_err();
        assert_eq!(error.kind, Kind::ProviderDown, "{error}");
    });
}

/// No certificate, no answer: nothing falls back to plain http.
#[test]
fn an_https_provider_without_tls_is_down() {
    on_each_transport(async |transport| {
        let idp = Idp::saying("{}").await;
        let url = idp.url.replace("http:", "https:");
        let provider = Rig::new(transport, &url).ready().await;
        let error = send(&provider, &[("url", &url)]).await.unwrap_err();
        assert_eq!(error.kind, Kind::ProviderDown, "{error}");
        assert!(idp.requests().is_empty());
    });
}

/// A server with a certificate of its own making; it says how many requests got through to it.
async fn self_signed() -> (String, rcgen::CertifiedKey<rcgen::KeyPair>, Arc<AtomicUsize>) {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 1024];
            if stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
            }
        }
    });
    (url, own, requests)
}

/// There is no switch that would let it pass, and nothing is sent before it is known.
#[test]
fn a_certificate_that_nobody_vouches_for_ends_the_request_before_anything_is_sent() {
    on_each_transport(async |transport| {
        let (url, own, requests) = self_signed().await;
        let provider = Rig::new(transport, &url).ready().await;
        let error = send(&provider, &[("url", &url)]).await.unwrap_err();
        assert_eq!(error.kind, Kind::ProviderDown, "{error}");
        assert!(error.to_string().contains("certificate"), "{error}");
        assert_eq!(requests.load(Ordering::SeqCst), 0);
        // The server itself is in order: who trusts it gets an answer.
        let trusting = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([reqwest::Certificate::from_der(own.cert.der()).unwrap()])
            .build()
            .unwrap();
        assert_eq!(trusting.get(&url).send().await.unwrap().status(), 200);
        assert_eq!(requests.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_reset_or_a_silence_is_a_provider_that_is_down() {
    on_each_transport(async |transport| {
        for reply in [
            (|| Reply::Reset(Vec::new())) as fn() -> Reply,
            || Reply::Bytes(Vec::new()),
            || Reply::Hang(Vec::new()),
            || Reply::Hang(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec()),
            || Reply::Hang(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec()),
            || {
                Reply::Drip(
                    [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_vec(), vec![b'x'; 1000]].concat(),
                )
            },
        ] {
            let (kind, message) = fault(transport, Some(Duration::from_millis(300)), reply).await;
            assert_eq!(kind, Kind::ProviderDown, "{message}");
        }
    });
}

#[test]
fn an_answer_that_is_cut_or_no_http_is_bad() {
    on_each_transport(async |transport| {
        for reply in [
            (|| Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec()))
                as fn() -> Reply,
            || Reply::Bytes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf".to_vec()),
            || Reply::Bytes(answer("200 OK\r\nContent-Encoding: gzip", b"this is not gzip")),
        ] {
            let (kind, message) = fault(transport, None, reply).await;
            assert_eq!(kind, Kind::BadAnswer, "{message}");
        }
    });
}

#[test]
fn an_answer_over_the_limits_is_bad() {
    on_each_transport(async |transport| {
        let (kind, message) =
            fault(transport, None, || Reply::Bytes(ok("text/plain", &vec![b'x'; (1 << 20) + 1]))).await;
        assert_eq!(kind, Kind::BadAnswer);
        assert!(message.ends_with("sent a body of more than 1048576 bytes"), "{message}");
        let (kind, message) = fault(transport, None, || {
            Reply::Bytes(answer(&format!("200 OK\r\nX-Large: {}", "x".repeat(70_000)), b""))
        })
        .await;
        assert_eq!(kind, Kind::BadAnswer, "{message}");
        let (kind, _) = fault(transport, None, endless).await;
        assert_eq!(kind, Kind::BadAnswer);
    });
}

/// Chunks without an end, as many as anybody takes.
fn endless() -> Reply {
    let chunk = [b"10000\r\n".to_vec(), vec![b'x'; 0x10000], b"\r\n".to_vec()].concat();
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    Reply::Hang([head, chunk.repeat(40)].concat())
}

#[test]
fn one_mebibyte_passes_whole() {
    on_each_transport(async |transport| {
        let idp = Idp::start(|_| Reply::Bytes(ok("text/plain", &vec![b'x'; 1 << 20]))).await;
        let provider = Rig::new(transport, &idp.url).ready().await;
        assert!(send(&provider, &[("url", &idp.at("/"))]).await.is_ok());
    });
}

fn gzip(bytes: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for piece in bytes {
        encoder.write_all(&piece).unwrap();
    }
    answer("200 OK\r\nContent-Encoding: gzip", &encoder.finish().unwrap())
}

#[test]
fn a_gzip_bomb_ends_at_the_limit() {
    let bomb = gzip((0..64).map(|_| vec![0; 1 << 20]));
    assert!(bomb.len() < 1 << 20);
    on_each_transport(async |transport| {
        let bomb = bomb.clone();
        let (kind, message) = fault(transport, None, move || Reply::Bytes(bomb.clone())).await;
        assert_eq!(kind, Kind::BadAnswer);
        assert!(message.ends_with("sent a body of more than 1048576 bytes"), "{message}");
    });
}

#[test]
fn a_compressed_answer_arrives_decompressed() {
    on_each_transport(async |transport| {
        let idp = Idp::start(|_| Reply::Bytes(gzip(std::iter::once(b"plain words".to_vec()))));
        let idp = idp.await;
        let provider = Rig::new(transport, &idp.url).ready().await;
        let account = send(&provider, &[("url", &idp.at("/"))]).await.unwrap().account;
        assert_eq!(account.name.as_deref(), Some("plain words"));
    });
}

#[test]
fn bytes_that_are_no_text_reach_the_plugin_without_harm() {
    on_each_transport(async |transport| {
        let idp = Idp::start(|_| Reply::Bytes(ok("text/plain\r\nX-Bytes: \u{ff}", b"\xff\xfe\x00"))).await;
        let provider = Rig::new(transport, &idp.url).ready().await;
        // It makes a name of them, and one with a NUL makes no account.
        let error = send(&provider, &[("url", &idp.at("/"))]).await.unwrap_err();
        assert_eq!(error.message, "the provider gave a NUL character in `name`");
    });
}

#[test]
fn a_cancelled_operation_ends_its_requests() {
    on_each_transport(async |transport| {
        let idp = Idp::start(|_| Reply::Hang(Vec::new())).await;
        let rig = Rig::new(transport, &idp.url).limits(|l| l.operations = 1);
        let provider = rig.ready().await;
        {
            let url = idp.at("/");
            let params = [("url", &*url)];
            let mut sending = std::pin::pin!(send(&provider, &params));
            while idp.requests().is_empty() {
                tokio::select! {
                    biased;
                    ended = &mut sending => panic!("it cannot be done: {ended:?}"),
                    () = tokio::task::yield_now() => {}
                }
            }
        }
        // The only place is free again: the operation's side in the plugin has ended as well.
        while let Err(error) = super::rig::complete(&provider, "").await {
            assert!(matches!(error.kind, Kind::Busy { .. }), "{error}");
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn no_query_and_no_body_is_logged() {
    on_each_transport(async |transport| {
        let idp = Idp::saying("{\"token\":\"canary-answer-body\"}").await;
        let provider = Rig::new(transport, &idp.url).ready().await;
        let params = [
            ("url", &*idp.at("/?code=canary-query")),
            ("method", "POST"),
            ("headers", "Authorization: Bearer canary-header"),
            ("body", "canary-request-body"),
        ];
        send(&provider, &params).await.unwrap();
        let log = log();
        assert!(log.contains("request answered"), "what is logged is seen: {log}");
        for canary in ["canary-answer-body", "canary-query", "canary-header", "canary-request-body"] {
            assert!(!log.contains(canary), "{canary}: {log}");
        }
    });
}

/// Without certificates to trust, no sign-in would ever work: the start says so.
#[test]
fn a_machine_without_certificates_is_told_what_to_install() {
    let name = "plugin::faults::a_machine_with_certificates_can_start";
    let run = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env("SSL_CERT_FILE", "/nonexistent/bundle.pem")
        .env("SSL_CERT_DIR", "/nonexistent")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
    assert!(!run.status.success(), "{printed}");
    assert!(printed.contains("no HTTPS client can be made: "), "{printed}");
    assert!(
        printed.contains("install the package `ca-certificates`, or point SSL_CERT_FILE at a bundle"),
        "{printed}"
    );
}

#[test]
fn a_machine_with_certificates_can_start() {
    let shared = Shared::new(Arc::new(SystemClock), Arc::new(SystemRandom));
    assert!(shared.is_ok(), "{}", shared.err().unwrap());
}
