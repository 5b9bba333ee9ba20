//! An application that only signed-in people reach, and who it is told they are.

use super::application::GREETING;
use super::{Site, on_both_proxies};

/// What an application may read as the same name: CGI and its heirs fold case, and take other characters for `_`.
fn folded(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

/// Header lines by which a client would be somebody else, in every spelling that folds into one of the two names.
const FORGED: &str = "X-Vestibule-User-Id: 4711\r\nx-vestibule-username: mallory\r\n\
                      X_Vestibule_User_Id: 4711\r\nx_vestibule_username: mallory\r\n\
                      X.Vestibule.User.Id: 4711\r\nx.vestibule.username: mallory\r\n\
                      X-Vestibule_User-Id: 4711\r\nX_VESTIBULE-USERNAME: mallory\r\n\
                      X-Vestibule.User-Id: 4711\r\nX.Vestibule-Username: mallory\r\n\
                      X~Vestibule~User~Id: 4711\r\nX!Vestibule'Username: mallory\r\n\
                      X-VESTIBULE-USER-ID: 4711\r\nX-Vestibule-Username: mallory\r\n";

on_both_proxies! {
    async fn nobody_reaches_the_application_without_a_session(kind) {
        let site = Site::start(kind).await;
        let invented = format!("Cookie: __Host-vestibule_session={}\r\n", "a".repeat(43));
        for headers in ["", FORGED, &invented, "User-Agent: kube-probe/1.0\r\nX-Original-URI: /login\r\n"] {
            let answer = site.asks("GET /wiki/page?edit=1", headers).await;
            assert_eq!(answer.status, 303, "{answer:?}");
            let location = answer.header("location").unwrap();
            let path = location.strip_prefix(&site.origin()).unwrap_or(location);
            assert_eq!(path, "/login?return_to=/wiki/page?edit=1");
        }
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD", "PROPFIND"] {
            let answer = site.asks(&format!("{method} /wiki/"), "Content-Length: 0\r\n").await;
            assert!(!(200..300).contains(&answer.status), "{method}: {answer:?}");
        }
        assert_eq!(site.application.requests(), [""; 0]);
    }

    async fn a_query_of_the_application_leads_nowhere_else(kind) {
        let site = Site::start(kind).await;
        for query in ["a=1&return_to=https://evil.example/", "a=1&provider=x&return_to=//evil.example", "#//evil.example"] {
            let answer = site.asks(&format!("GET /wiki/?{query}"), "").await;
            let location = answer.header("location").unwrap();
            let path = location.strip_prefix(&site.origin()).unwrap_or(location).to_owned();
            assert!(path.starts_with("/login?return_to=/wiki/"), "{location}");
            let page = site.asks(&format!("GET {path}"), "").await;
            assert!(page.status < 400 && !page.body.contains("evil.example"), "{page:?}");
        }
    }

    async fn no_spelling_of_a_path_is_a_way_around_the_check(kind) {
        let site = Site::start(kind).await;
        for path in [
            "/wiki", "//wiki/", "/WIKI/", "/wiki//", "/./wiki/", "/x/../wiki/", "/wiki/../wiki/x", "/wiki%2fx",
            "/%77iki/x", "/wiki/%2e%2e/login", "/login/../wiki/", "/login%2f..%2fwiki/", "/wiki/..;/login",
            "/wiki/x?/../../login", "/wiki/%00", "/wiki/%0d%0aX-A:b", "/assets/..%2fwiki/", "/healthz/../wiki/",
        ] {
            let answer = site.asks(&format!("GET {path}"), "").await;
            assert!(!answer.body.contains(GREETING), "{path}: {answer:?}");
        }
        assert_eq!(site.application.requests(), [""; 0]);
    }

    async fn the_application_hears_who_it_is_from_the_server_alone(kind) {
        let site = Site::start(kind).await;
        let session = site.signs_in("octavia").await;
        let answer = site.asks("GET /wiki/", &format!("{FORGED}{session}{FORGED}")).await;
        assert!(answer.status == 200 && answer.body.contains(GREETING), "{answer:?}");
        let mut told = site.application.only_request();
        told.retain(|(name, _)| folded(name).contains("vestibule"));
        told.sort();
        let me = site.asks("GET /api/v1/me", &session).await;
        let (_, id) = me.body.split_once("\"id\":").unwrap();
        let id = id.split(',').next().unwrap().to_owned();
        let expected =
            [("X-Vestibule-User-Id".to_owned(), id), ("X-Vestibule-Username".to_owned(), "octavia".to_owned())];
        assert_eq!(told, expected);
    }

    async fn the_application_gets_the_request_and_none_of_the_servers_cookies(kind) {
        let site = Site::start(kind).await;
        let session = site.signs_in("octavia").await;
        let token = session.trim().split_once('=').unwrap().1;
        let cookies = format!(
            "Cookie: theme=dark; __Host-vestibule_browser={0}; __Host-vestibule_session={token}; lang=en\r\n\
             Cookie: last=1\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n",
            "b".repeat(43)
        );
        let head = site.request("POST /wiki/save?to=a%20b&x=", &cookies);
        let answer = site.says(&format!("{head}words")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let request = site.application.requests().remove(0);
        assert!(request.starts_with("POST /wiki/save?to=a%20b&x= HTTP/1."), "{request}");
        assert!(request.contains("words"), "{request}");
        for kept in ["theme=dark", "lang=en", "last=1"] {
            assert!(request.contains(kept), "{kept}: {request}");
        }
        assert!(!request.contains("__Host-vestibule") && !request.contains(token), "{request}");
        assert!(!request.contains(&"b".repeat(43)), "{request}");

        let twice = "Cookie: __Host-vestibule_browser=b; __Host-vestibule_browser=b; a=1; __Host-vestibule_browser=b\r\n";
        assert_eq!(site.asks("GET /wiki/", &format!("{session}{twice}")).await.status, 200);
        let request = site.application.requests().remove(1);
        assert!(!request.contains("__Host-vestibule") && !request.contains(token), "{request}");
    }

    async fn after_the_sign_out_the_application_is_closed_again(kind) {
        let site = Site::start(kind).await;
        let session = site.signs_in("octavia").await;
        assert_eq!(site.asks("GET /wiki/", &session).await.status, 200);
        let out = format!("{session}Sec-Fetch-Site: same-origin\r\n");
        assert_eq!(site.asks("DELETE /api/v1/session", &out).await.status, 204);
        assert_eq!(site.asks("GET /wiki/", &session).await.status, 303);
        assert_eq!(site.application.requests().len(), 1);
    }

    async fn a_server_that_is_down_lets_nobody_through(kind) {
        let site = Site::start(kind).await;
        let session = site.signs_in("octavia").await;
        assert_eq!(site.asks("GET /wiki/", &session).await.status, 200);
        site.program.kill();
        let answer = site.authority.ask([127, 0, 0, 1].into(), site.front.port, super::NAME,
            &format!("GET /wiki/ HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{session}{FORGED}\r\n", super::NAME)).await;
        assert!(answer.status >= 500, "{answer:?}");
        assert_eq!(site.application.requests().len(), 1);
    }

    async fn a_head_that_the_check_refuses_reaches_no_application(kind) {
        let site = Site::start(kind).await;
        let session = site.signs_in("octavia").await;
        let fields: String = (0..70).map(|n| format!("X-Field-{n}: {n}\r\n")).collect();
        let long = (0..3).map(|n| format!("X-Long-{n}: {}\r\n", "a".repeat(6000))).collect();
        for headers in [fields, long] {
            let answer = site.asks("GET /wiki/", &format!("{session}{headers}")).await;
            assert!(answer.status >= 400, "{answer:?}");
            let page = site.asks("GET /login", &headers).await;
            assert_eq!(page.status, 431, "{page:?}");
        }
        assert_eq!(site.application.requests(), [""; 0]);
    }
}
