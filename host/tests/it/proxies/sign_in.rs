//! Signing in through TLS, and what a client says of itself on the way.

use super::{NAME, Site, on_both_proxies};

on_both_proxies! {
    async fn a_person_signs_in_over_tls_and_the_cookies_are_bound_to_the_host(kind) {
        let site = Site::start(kind).await;
        let page = site.asks("GET /login", "").await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("strict-transport-security"), Some("max-age=31536000"));

        let begun = site.begins_from("127.0.0.1", "/account", "").await;
        assert_eq!(begun.status, 303, "{begun:?}");
        let browser = begun.cookie("__Host-vestibule_browser").to_owned();
        let authorize = url::Url::parse(begun.header("location").unwrap()).unwrap();
        let redirect_uri = authorize.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1;
        assert_eq!(redirect_uri, format!("{}/auth/github/callback", site.origin()));

        let callback = site.callback(&begun, "octavia").await;
        let answer = site.asks(&format!("GET {callback}"), &format!("Cookie: {browser}\r\n")).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("/account")), "{answer:?}");
        for set in [begun.set_cookie("__Host-vestibule_browser"), answer.set_cookie("__Host-vestibule_session")] {
            let attributes: Vec<_> = set.split("; ").skip(1).collect();
            for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
                assert!(attributes.contains(&attribute), "{set}");
            }
            assert!(!set.contains("Domain"), "{set}");
        }

        let session = format!("Cookie: {}\r\n", answer.cookie("__Host-vestibule_session"));
        let me = site.asks("GET /api/v1/me", &session).await;
        assert!(me.status == 200 && me.body.contains("octavia"), "{me:?}");
        let out = format!("{session}Sec-Fetch-Site: same-origin\r\n");
        assert_eq!(site.asks("DELETE /api/v1/session", &out).await.status, 204);
        assert_eq!(site.asks("GET /api/v1/me", &session).await.status, 401);
    }

    async fn a_browser_without_fetch_metadata_begins_by_its_origin(kind) {
        let site = Site::start(kind).await;
        let with_origin = |origin: &str| format!("Origin: {origin}\r\nContent-Length: 0\r\n");
        let begin = "POST /auth/github/begin";
        assert_eq!(site.asks(begin, &with_origin(&site.origin())).await.status, 303);
        for stranger in ["https://evil.example", "null", &format!("http://{NAME}"), &format!("https://{NAME}")] {
            assert_eq!(site.asks(begin, &with_origin(stranger)).await.status, 403, "{stranger}");
        }
    }

    async fn what_a_client_says_of_its_address_does_not_count(kind) {
        let site = Site::with(kind, "begin_rate = \"2/min\"").await;
        // From one address, under several names of its own choice.
        for (forged, status) in [
            ("X-Forwarded-For: 198.51.100.1\r\n", 303),
            ("x-forwarded-for: 198.51.100.2\r\nX-FORWARDED-FOR: 127.0.0.1, 198.51.100.3\r\n", 303),
            ("X-Forwarded-For: 198.51.100.4\r\n", 429),
            ("X_Forwarded_For: 198.51.100.5\r\nX-Real-IP: 198.51.100.5\r\n", 429),
            ("Forwarded: for=198.51.100.6;proto=https\r\nTrue-Client-IP: 198.51.100.6\r\n", 429),
            ("Connection: close, X-Forwarded-For\r\nX-Forwarded-For: 198.51.100.7\r\n", 429),
        ] {
            let answer = site.begins_from("127.0.0.2", "/", forged).await;
            assert_eq!(answer.status, status, "{forged:?}");
        }
        // Another address is somebody else, whatever it says.
        let claim = "X-Forwarded-For: 127.0.0.2\r\n";
        assert_eq!(site.begins_from("127.0.0.3", "/", claim).await.status, 303);
    }

    async fn what_a_client_says_of_host_and_scheme_changes_no_address(kind) {
        let site = Site::start(kind).await;
        let forged = "X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 1\r\n\
                      Forwarded: host=evil.example;proto=http\r\n";
        let begun = site.begins_from("127.0.0.1", "/account", forged).await;
        let location = begun.header("location").unwrap();
        assert!(!location.contains("evil"), "{location}");
        let redirect_uri = format!("https%3A%2F%2F{NAME}%3A{}%2Fauth%2Fgithub%2Fcallback", site.front.port);
        assert!(location.contains(&redirect_uri), "{location}");
        let page = site.asks("GET /login", forged).await;
        assert!(page.status == 200 && !page.body.contains("evil.example"));
    }
}
