//! The accept loop against clients that are slow, wrong or too many, and its end. Raw sockets: no client library would
//! send most of this.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use vestibule::server::{self, Limits};
use vestibule_demo_idp::Endpoint;

use crate::world::{Plan, World};

async fn connect(world: &World) -> TcpStream {
    let port = url::Url::parse(&world.url).unwrap().port().unwrap();
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap()
}

/// Sends these bytes and reads until the server closes: all that it answered.
async fn exchange(world: &World, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = connect(world).await;
    // The server may have answered, and closed, before it has all of them.
    let _ = stream.write_all(bytes.as_ref()).await;
    rest(stream).await
}

async fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer: the server had not read everything.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

fn status(answer: &str) -> u16 {
    let line = answer.lines().next().unwrap_or_else(|| panic!("no answer"));
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

fn short(header: Duration, request: Duration) -> Limits {
    Limits { header_timeout: header, request, ..Limits::new(false) }
}

const CLOSE: &str = "Connection: close\r\n\r\n";

#[tokio::test]
async fn headers_that_dribble_in_are_cut() {
    let limits = short(Duration::from_millis(300), Duration::from_secs(30));
    let world = Plan { limits, ..Plan::default() }.start().await;
    let mut stream = connect(&world).await;
    let mut pause = tokio::time::interval(Duration::from_millis(20));
    let mut sent = 0;
    let endless = "GET /login HTTP/1.1\r\nHost: localhost\r\nX: ".bytes().chain(std::iter::repeat(b'a'));
    for byte in endless {
        pause.tick().await;
        if stream.write_all(&[byte]).await.is_err() {
            break;
        }
        sent += 1;
    }
    // At least as long as the limit, and not until the head was too large.
    assert!((15..16_000).contains(&sent), "{sent}");
    // Others were served meanwhile, and are.
    assert_eq!(status(&exchange(&world, format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{CLOSE}")).await), 200);
}

#[tokio::test]
async fn a_client_that_asks_and_never_reads_is_cut() {
    let limits = short(Duration::from_secs(30), Duration::from_millis(200));
    let world = Plan { limits, ..Plan::default() }.start().await;
    let mut stream = connect(&world).await;
    let requests = "GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100);
    // Ends with the connection, once all buffers between here and there are full.
    while stream.write_all(requests.as_bytes()).await.is_ok() {}
    assert_eq!(status(&exchange(&world, format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{CLOSE}")).await), 200);
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let limits = short(Duration::from_millis(100), Duration::from_secs(30));
    let world = Plan { limits, ..Plan::default() }.start().await;
    let silent = connect(&world).await;
    assert_eq!(rest(silent).await, "");
    // And one that has been of use.
    let mut used = connect(&world).await;
    used.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let answer = rest(used).await;
    assert_eq!((status(&answer), answer.ends_with("ok\n")), (200, true));
}

#[tokio::test]
async fn a_body_that_dribbles_in_is_cut_and_starts_nothing() {
    let limits = short(Duration::from_secs(30), Duration::from_millis(200));
    let world = Plan { limits, ..Plan::default() }.start().await;
    let mut stream = connect(&world).await;
    let head = "POST /auth/github/begin HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: same-origin\r\nContent-Length: 1000\r\n\r\na";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = rest(stream).await;
    assert_eq!(status(&answer), 400);
    assert!(answer.contains("x-request-id: ") && answer.contains("</html>"), "{answer}");
    assert_eq!(world.count("login_attempts").await, 0);
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_an_error_page_with_an_id() {
    let limits = short(Duration::from_secs(30), Duration::from_millis(300));
    let world = Plan { limits, ..Plan::default() }.start().await;
    world.idp.set_fault(Endpoint::Token, vestibule_demo_idp::Fault::Stall);
    let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
    let target = format!("{}?{}", callback.path(), callback.query().unwrap());
    let answer =
        exchange(&world, format!("GET {target} HTTP/1.1\r\nHost: x\r\nCookie: {cookies}\r\n{CLOSE}")).await;
    assert_eq!(status(&answer), 503);
    assert!(answer.contains("x-request-id: ") && answer.contains("</html>"), "{answer}");
    assert_eq!(world.count("users").await, 0);
}

#[tokio::test]
async fn too_large_a_head_and_too_many_fields_are_refused() {
    let world = World::start().await;
    let field = format!("X: {}\r\n", "a".repeat(20_000));
    let fields: String = (0..80).map(|n| format!("X-{n}: a\r\n")).collect();
    let path = "a".repeat(20_000);
    for head in [
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{field}{CLOSE}"),
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{fields}{CLOSE}"),
        format!("GET /{path} HTTP/1.1\r\nHost: x\r\n{CLOSE}"),
    ] {
        assert_eq!(status(&exchange(&world, head).await), 431);
    }
    // What a browser with many cookies sends still passes.
    let cookie = format!("Cookie: {}\r\n", (0..1_000).map(|n| format!("c{n}=1; ")).collect::<String>());
    let head = format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{cookie}{CLOSE}");
    assert_eq!(status(&exchange(&world, head).await), 200);
}

#[tokio::test]
async fn too_large_a_body_is_refused_at_every_path() {
    let world = World::start().await;
    let body = "a".repeat(64 * 1024 + 1);
    for (path, is_page) in [
        ("/auth/github/begin", true),
        ("/auth/github/callback", true),
        ("/auth/nobody/callback", true),
        ("/logout", true),
        ("/nowhere", true),
        ("/api/v1/session/begin", false),
    ] {
        let form = "Content-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Site: same-origin\r\n";
        let declared = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\n{form}Content-Length: {}\r\n{CLOSE}{body}",
            body.len()
        );
        let chunked = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\n{form}Transfer-Encoding: chunked\r\n{CLOSE}{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        );
        for request in [declared, chunked] {
            let answer = exchange(&world, request).await;
            assert_eq!(status(&answer), 413, "{path}");
            assert_eq!(answer.contains("</html>"), is_page, "{answer}");
            assert_eq!(
                answer.contains("{\"errors\":[{\"detail\":\"the body is too large (id "),
                !is_page,
                "{answer}"
            );
        }
    }
    assert_eq!(world.count("login_attempts").await, 0);
    // A byte less is read.
    let request =
        format!("POST /logout HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n{CLOSE}{}", &body[1..]);
    assert_eq!(status(&exchange(&world, request).await), 403);
}

#[tokio::test]
async fn a_body_that_is_promised_and_not_sent_starts_nothing() {
    let world = World::start().await;
    let mut stream = connect(&world).await;
    let head = "POST /auth/github/begin HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: same-origin\r\nContent-Length: 10\r\n\r\nabc";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = rest(stream).await;
    assert!(answer.is_empty() || status(&answer) == 400, "{answer}");
    assert_eq!(world.count("login_attempts").await, 0);
}

#[tokio::test]
async fn what_is_no_request_ends_the_connection_and_nothing_else() {
    let world = World::start().await;
    for garbage in [
        "\r\n\r\n\r\nHELLO\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nX: \0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n folded: x\r\n\r\n",
        "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    ] {
        let mut stream = connect(&world).await;
        let _ = stream.write_all(garbage.as_bytes()).await;
        let _ = stream.shutdown().await;
        let answer = rest(stream).await;
        assert!(answer.is_empty() || (400..=505).contains(&status(&answer)), "{garbage:?}: {answer}");
    }
    assert_eq!(status(&exchange(&world, format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{CLOSE}")).await), 200);
}

#[tokio::test]
async fn a_length_beside_chunks_smuggles_no_request() {
    let world = World::start().await;
    let answers = async |length: &str| {
        let chunked = format!(
            "POST /logout HTTP/1.1\r\nHost: x\r\n{length}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        );
        let next = format!("GET /smuggled HTTP/1.1\r\nHost: x\r\n{CLOSE}");
        let answer = exchange(&world, chunked + &next).await;
        answer.matches("HTTP/1.1 ").count()
    };
    // Without a length the second one is a request like any other.
    assert_eq!(answers("").await, 2);
    // With one, chunks win and the connection ends after the answer (RFC 9112 §6.3).
    assert_eq!(answers("Content-Length: 4\r\n").await, 1);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let world = World::start().await;
    let one = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    let requests = one("/healthz")
        + &one("/nowhere")
        + &one("/api/v1/me")
        + &one("/readyz").replace("\r\n\r\n", &format!("\r\n{CLOSE}"));
    let answer = exchange(&world, requests).await;
    let statuses: Vec<u16> =
        answer.match_indices("HTTP/1.1 ").map(|(at, _)| answer[at + 9..at + 12].parse().unwrap()).collect();
    assert_eq!(statuses, [200, 404, 401, 200]);
}

#[tokio::test]
async fn http_1_0_is_served_with_or_without_host() {
    let world = World::start().await;
    for head in ["GET /healthz HTTP/1.0\r\n\r\n", "GET /healthz HTTP/1.0\r\nHost: x\r\n\r\n"] {
        let answer = exchange(&world, head).await;
        assert_eq!(status(&answer), 200);
        assert!(answer.ends_with("ok\n"), "{answer}");
    }
}

#[tokio::test]
async fn a_request_without_one_host_is_refused() {
    let world = World::start().await;
    for path in ["/", "/healthz", "/.vestibule/check", "/api/v1/me", "/auth/github/callback"] {
        for hosts in ["", "Host: a\r\nHost: b\r\n", "Host: a\r\nHost: a\r\n"] {
            let answer = exchange(&world, format!("GET {path} HTTP/1.1\r\n{hosts}{CLOSE}")).await;
            assert_eq!(status(&answer), 400, "{path} {hosts:?}");
        }
    }
    assert_eq!(status(&exchange(&world, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n").await), 400);
}

#[tokio::test]
async fn odd_targets_and_methods_are_answered() {
    let world = World::start().await;
    for (line, expected) in [
        // Absolute-form (RFC 9112 §3.2.2): the path counts, and nobody is fetched.
        ("GET http://evil.example/healthz", 200),
        ("GET http://evil.example/nowhere", 404),
        ("GET http://evil.example", 303),
        ("OPTIONS *", 404),
        ("CONNECT evil.example:443", 404),
        ("CONNECT /login", 405),
        ("TRACE /login", 405),
        ("OPTIONS /login", 405),
        ("BREW /login", 405),
        ("get /login", 405),
        ("DELETE /", 405),
        ("PUT /auth/github/callback", 405),
        ("HEAD /auth/github/callback", 405),
        ("HEAD /login", 200),
        ("GET /login/", 404),
        ("GET //login", 404),
        ("GET /./login", 404),
        ("GET /%6cogin", 404),
        ("GET /login;x", 404),
        ("GET /login%00", 404),
        ("GET /auth/../login", 404),
        ("GET /assets/../../Cargo.toml", 404),
        ("GET /assets/%2e%2e%2fCargo.toml", 404),
        ("GET /auth/%ff/callback", 404),
        ("POST /auth/%ff/begin", 404),
        ("GET /assets/provider/%ff", 404),
        ("GET /assets/%ff", 404),
    ] {
        let site = "Sec-Fetch-Site: same-origin\r\n";
        let answer = exchange(&world, format!("{line} HTTP/1.1\r\nHost: x\r\n{site}{CLOSE}")).await;
        assert_eq!(status(&answer), expected, "{line}");
        assert!(answer.contains("\r\nx-request-id: "), "{line}: {answer}");
        assert_eq!(answer.contains("\r\nallow: "), expected == 405, "{line}: {answer}");
    }
}

#[tokio::test]
async fn a_connection_over_the_limit_waits_for_its_turn() {
    let limits = Limits { connections: 2, ..Limits::new(false) };
    let world = Plan { limits, ..Plan::default() }.start().await;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{CLOSE}");
    let mut first = connect(&world).await;
    let _second = connect(&world).await;
    let mut third = connect(&world).await;
    third.write_all(request.as_bytes()).await.unwrap();
    // The first two are served, the third one's request lies there.
    first.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 15];
    first.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    assert_eq!(third.try_read(&mut answer).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    drop(first);
    assert_eq!(status(&rest(third).await), 200);
}

/// A server whose one route waits until it is let go.
struct Waiting {
    port: u16,
    end: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<usize>,
    arrived: Arc<Notify>,
    go: Arc<Notify>,
}

async fn waiting(drain: Duration) -> Waiting {
    let (arrived, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (here, leave) = (Arc::clone(&arrived), Arc::clone(&go));
    let handler = move || async move {
        here.notify_one();
        leave.notified().await;
        "done"
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let limits = Limits { drain, ..Limits::new(false) };
    let (end, ended) = oneshot::channel();
    let served =
        tokio::spawn(server::serve(listener, Router::new().route("/", get(handler)), limits, async {
            let _ = ended.await;
        }));
    Waiting { port, end, served, arrived, go }
}

impl Waiting {
    async fn request(&self) -> TcpStream {
        let mut stream = self.idle().await;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        self.arrived.notified().await;
        stream
    }

    async fn idle(&self) -> TcpStream {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.unwrap()
    }
}

#[tokio::test]
async fn at_the_end_a_running_request_finishes_and_nobody_was_cut() {
    let server = waiting(Duration::from_secs(60)).await;
    let idle = server.idle().await;
    let running = server.request().await;
    server.end.send(()).unwrap();
    // Idle ones go first, the listener with them.
    assert_eq!(rest(idle).await, "");
    TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).await.unwrap_err();
    server.go.notify_one();
    let answer = rest(running).await;
    assert_eq!((status(&answer), answer.ends_with("done")), (200, true));
    assert_eq!(server.served.await.unwrap(), 0);
}

#[tokio::test]
async fn who_does_not_finish_in_time_is_cut_and_counted_and_nobody_else() {
    let server = waiting(Duration::from_millis(100)).await;
    let finishes = server.request().await;
    let stuck = [server.request().await, server.request().await];
    let idle = server.idle().await;
    server.end.send(()).unwrap();
    assert_eq!(rest(idle).await, "");
    // Waiters are served in order: the first one is let go.
    server.go.notify_one();
    assert_eq!(status(&rest(finishes).await), 200);
    assert_eq!(server.served.await.unwrap(), 2);
    for stream in stuck {
        assert_eq!(rest(stream).await, "");
    }
}
