//! Where a plugin's requests may go. Nothing is sent that may not be: each test looks at what arrived.

use vestibule::plugin::{OperationErrorKind as Kind, TransportKind};

use super::idp::{Idp, Reply, answer};
use super::rig::{Rig, on_each_transport, run, send};

#[test]
fn a_request_goes_to_declared_origins_only() {
    on_each_transport(async |transport| {
        let (idp, other) = (Idp::saying("{}").await, Idp::saying("{}").await);
        let provider = Rig::new(transport, &idp.url).ready().await;
        assert!(send(&provider, &[("url", &idp.at("/"))]).await.is_ok());
        for url in [
            other.at("/"),
            idp.url.replace("127.0.0.1", "localhost"),
            idp.url.replace("http:", "https:"),
            "https://evil.example/".to_owned(),
            format!("https://evil.example/{}", idp.url),
            idp.url.replace("127.0.0.1", "127.0.0.2"),
            "file:///etc/passwd".to_owned(),
            "ftp://127.0.0.1/".to_owned(),
            "/relative".to_owned(),
            String::new(),
        ] {
            let error = send(&provider, &[("url", &url)]).await.unwrap_err();
            assert_eq!(error.kind, Kind::Forbidden, "{url}: {error}");
        }
        let with_user = idp.url.replace("http://", "http://user:pass@");
        let error = send(&provider, &[("url", &with_user)]).await.unwrap_err();
        assert_eq!(error.kind, Kind::Forbidden);
        assert_eq!(idp.requests().len(), 1);
        assert!(other.requests().is_empty());
    });
}

/// Each is another spelling of loopback or of a private address, declared as an origin all the same.
#[test]
fn an_address_that_is_not_global_is_refused_in_any_spelling() {
    on_each_transport(async |transport| {
        for (origin, address) in [
            ("https://127.0.0.1:9", "127.0.0.1"),
            ("https://[::1]:9", "::1"),
            ("https://[::ffff:127.0.0.1]:9", "127.0.0.1"),
            ("https://10.0.0.1", "10.0.0.1"),
            ("https://169.254.169.254", "169.254.169.254"),
            ("https://[fd00::1]", "fd00::1"),
            ("https://2130706433:9", "127.0.0.1"),
            ("https://0x7f.1:9", "127.0.0.1"),
            ("https://127.1:9", "127.0.0.1"),
            ("https://0.0.0.0:9", "0.0.0.0"),
            ("https://[::]:9", "::"),
            ("https://0:9", "0.0.0.0"),
            ("https://０x7f.1:9", "127.0.0.1"),
        ] {
            let rig = Rig { loopback_allowed: false, ..Rig::new(transport, origin) };
            let provider = rig.ready().await;
            let error = send(&provider, &[("url", &format!("{origin}/"))]).await.unwrap_err();
            assert_eq!(error.kind, Kind::Forbidden, "{origin}: {error}");
            assert!(error.message.contains(&format!("{address} is a")), "{origin}: {error}");
        }
    });
}

/// The name is fine, what it points to is not: `localhost` stands for any name that an attacker's DNS answers for.
#[test]
fn an_address_is_judged_after_dns_when_connecting() {
    run(async {
        // The name with a dot at its end is the same to DNS, and to a machine's own list of hosts perhaps unknown.
        for (origin, kinds) in [
            ("https://localhost:9", &[Kind::Forbidden][..]),
            ("https://localhost.:9", &[Kind::Forbidden, Kind::ProviderDown]),
        ] {
            let rig = Rig { loopback_allowed: false, ..Rig::new(TransportKind::InProcess, origin) };
            let provider = rig.ready().await;
            let error = send(&provider, &[("url", &format!("{origin}/"))]).await.unwrap_err();
            assert!(kinds.contains(&error.kind), "{origin}: {error}");
            if error.kind == Kind::Forbidden {
                let why = "is a loopback address, which this provider may not reach";
                assert!(error.message.contains(why), "{error}");
            }
        }
    });
}

/// A proxy would resolve names itself, and reach what this machine may not. The variables are a process's own, so the
/// test runs itself once more with them.
#[test]
fn a_proxy_of_the_environment_has_no_effect() {
    const INSIDE: &str = "PROXY_OF_THE_TEST";
    if std::env::var_os(INSIDE).is_none() {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "plugin::egress::a_proxy_of_the_environment_has_no_effect"])
            .env(INSIDE, "1");
        for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            // Nothing listens there: whoever asked it would fail.
            command.env(name, "http://127.0.0.1:1");
        }
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
        return;
    }
    run(async {
        let idp = Idp::saying("{}").await;
        let provider = Rig::new(TransportKind::InProcess, &idp.url).ready().await;
        assert!(send(&provider, &[("url", &idp.at("/"))]).await.is_ok());
        assert_eq!(idp.requests().len(), 1);
    });
}

#[test]
fn a_redirect_is_handed_over_and_never_followed() {
    on_each_transport(async |transport| {
        let target = Idp::saying("{}").await;
        let location = target.at("/latest/meta-data");
        let idp =
            Idp::start(move |_| Reply::Bytes(answer(&format!("302 Found\r\nLocation: {location}"), b"")));
        let idp = idp.await;
        let provider = Rig::new(transport, &idp.url).ready().await;
        let account = send(&provider, &[("url", &idp.at("/"))]).await.unwrap().account;
        assert_eq!(account.account_id, "302");
        assert_eq!(account.login.as_deref(), Some(&*target.at("/latest/meta-data")));
        assert!(target.requests().is_empty());
    });
}

#[test]
fn framing_and_connection_are_not_the_plugins_to_say() {
    on_each_transport(async |transport| {
        let idp = Idp::saying("{}").await;
        let provider = Rig::new(transport, &idp.url).ready().await;
        for header in [
            "Host: evil.example",
            "content-length: 5",
            "Transfer-Encoding: chunked",
            "Connection: keep-alive",
            "Cookie: a=b",
            "Proxy-Authorization: Basic eDp5",
            "PROXY-CONNECTION: close",
            "pRoXy-anything: a",
            "Range: bytes=0-7",
            "If-Range: \"a\"",
            "Content-Type: text/plain|content-type: application/json",
            "Upgrade: websocket",
            "TE: trailers",
            "Accept-Encoding: br",
            "X-Split: a\r\nHost: evil.example",
            "X-Nul: a\0b",
            "X Space: a",
            "X-Né: a",
        ] {
            let error = send(&provider, &[("url", &idp.at("/")), ("headers", header)]).await.unwrap_err();
            assert_eq!(error.kind, Kind::Forbidden, "{header:?}: {error}");
        }
        for method in ["CONNECT", "TRACE", "GET / HTTP/1.1\r\nX:", "get", ""] {
            let error = send(&provider, &[("url", &idp.at("/")), ("method", method)]).await.unwrap_err();
            assert_eq!(error.kind, Kind::Forbidden, "{method:?}: {error}");
        }
        let many = "X-A: b|".repeat(65);
        assert!(send(&provider, &[("url", &idp.at("/")), ("headers", &many)]).await.is_err());
        assert!(idp.requests().is_empty(), "{:?}", idp.requests());
    });
}

#[test]
fn a_plugins_own_headers_and_body_arrive_as_they_are() {
    on_each_transport(async |transport| {
        let idp = Idp::saying("{}").await;
        let provider = Rig::new(transport, &idp.url).ready().await;
        let params = [
            ("url", &*idp.at("/a%20b?x=%7e&y")),
            ("method", "POST"),
            ("headers", "Accept: text/x-test|User-Agent: probe|Content-Type: text/plain"),
            ("body", "ä body"),
        ];
        send(&provider, &params).await.unwrap();
        let request = &idp.requests()[0];
        assert_eq!(request.line, "POST /a%20b?x=%7e&y HTTP/1.1");
        assert_eq!(request.header("accept"), Some("text/x-test"));
        assert_eq!(request.header("user-agent"), Some("probe"));
        assert_eq!(request.body_text(), "ä body");
        assert_eq!(request.header("referer"), None);
    });
}
