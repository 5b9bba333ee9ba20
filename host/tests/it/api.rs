//! JSON under `/api/v1`, and the check that a proxy makes (rows 64–69, 89d of docs/security.md).

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use vestibule_demo_idp::Endpoint;

use crate::database::on_both_databases;
use crate::world::{Plan, World, plain_client};

const SESSION: &str = "__Host-vestibule_session";

fn ask(world: &World, method: Method, path: &str) -> RequestBuilder {
    plain_client().request(method, world.at(path))
}

/// As a script of our own page.
fn own(world: &World, method: Method, path: &str) -> RequestBuilder {
    ask(world, method, path).header("sec-fetch-site", "same-origin")
}

async fn sign_in(world: &World, person: &str) -> String {
    let mut visitor = world.visitor();
    visitor.sign_in("github", Some(person)).await.unwrap();
    format!("{SESSION}={}", visitor.browser().cookies.value("localhost", SESSION).unwrap())
}

/// An error in JSON, and its text without the id that stands in the log.
async fn refused(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let detail = body["errors"][0]["detail"].as_str().unwrap().to_owned();
    assert_eq!(body, json!({ "errors": [{ "detail": detail }] }));
    (status, detail.replace(&format!(" (id {id})"), ""))
}

fn is_for_nobody_else(answer: &Response) {
    let headers = answer.headers();
    assert_eq!(headers["cache-control"], "no-store");
    assert!(headers.keys().all(|name| !name.as_str().starts_with("access-control-")), "{headers:?}");
    assert!(!headers.contains_key("location"));
}

/// What a check adds to the headers that every answer has.
fn identity(answer: &Response) -> Vec<(String, String)> {
    let usual = [
        "content-security-policy",
        "x-content-type-options",
        "cross-origin-resource-policy",
        "cache-control",
        "x-request-id",
        "content-length",
        "date",
    ];
    answer
        .headers()
        .iter()
        .filter(|(name, _)| !usual.contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect()
}

fn octavia() -> Vec<(String, String)> {
    vec![
        ("x-vestibule-user-id".to_owned(), "1".to_owned()),
        ("x-vestibule-username".to_owned(), "octavia".to_owned()),
    ]
}

/// Headers that have let people in elsewhere, and what a client may try to fill in.
const TRICKS: [(&str, &str); 20] = [
    ("user-agent", "GoogleHC/1.0"),
    ("user-agent", "kube-probe/1.30"),
    ("x-forwarded-uri", "/healthz"),
    ("x-forwarded-uri", "/public/../admin"),
    ("x-original-uri", "/assets/"),
    ("x-original-url", "/login"),
    ("x-forwarded-method", "OPTIONS"),
    ("x-http-method-override", "OPTIONS"),
    ("x-forwarded-for", "127.0.0.1"),
    ("x-forwarded-host", "localhost"),
    ("x-real-ip", "127.0.0.1"),
    ("x-vestibule-user-id", "2"),
    ("x-vestibule-username", "kai"),
    ("x_vestibule_user_id", "2"),
    ("x.vestibule.username", "kai"),
    ("x_auth_user", "kai"),
    ("x.auth.user", "kai"),
    ("remote-user", "kai"),
    ("connection", "x-vestibule-user-id"),
    ("authorization", "Bearer %"),
];

on_both_databases! {
    async fn me_says_who_is_signed_in(database) {
        let world = Plan::on(database).start().await;
        let session = sign_in(&world, "octavia").await;
        let answer = ask(&world, Method::GET, "/api/v1/me").header("cookie", &session).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/json");
        is_for_nobody_else(&answer);
        let me: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        let octavia = |avatar: Option<&str>| {
            json!({ "user": {
                "id": 1, "username": "octavia", "name": "Octavia Hubbard", "avatar_url": avatar,
                "primary_provider": "github", "is_admin": false
            } })
        };
        assert_eq!(me, octavia(me["user"]["avatar_url"].as_str()));
        world.database().await.run("UPDATE oauth_github SET avatar_url = 'https://a.example/1'").await;
        let answer = ask(&world, Method::GET, "/api/v1/me").header("cookie", &session).send().await.unwrap();
        let me: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(me, octavia(Some("https://a.example/1")));
        // HEAD says the same without saying it.
        let head = ask(&world, Method::HEAD, "/api/v1/me").header("cookie", &session).send().await.unwrap();
        assert_eq!((head.status().as_u16(), head.text().await.unwrap().as_str()), (200, ""));
    }

    async fn me_without_a_session_is_an_error_in_json_and_no_redirect(database) {
        let world = Plan::on(database).start().await;
        for request in [
            ask(&world, Method::GET, "/api/v1/me"),
            ask(&world, Method::GET, "/api/v1/me").header("accept", "text/html"),
            ask(&world, Method::GET, "/api/v1/me").header("origin", "https://evil.example"),
            ask(&world, Method::GET, "/api/v1/me").header("origin", &world.url).header("sec-fetch-mode", "cors"),
        ] {
            let answer = request.send().await.unwrap();
            is_for_nobody_else(&answer);
            assert_eq!(refused(answer).await, (401, "this call needs a session".to_owned()));
        }
        let preflight = ask(&world, Method::OPTIONS, "/api/v1/me")
            .header("origin", "https://evil.example")
            .header("access-control-request-method", "GET");
        let answer = preflight.send().await.unwrap();
        is_for_nobody_else(&answer);
        assert_eq!(refused(answer).await.0, 405);
    }

    async fn an_authorization_header_signs_nobody_in_and_out(database) {
        let world = Plan::on(database).start().await;
        let session = sign_in(&world, "octavia").await;
        let token = session.split_once('=').unwrap().1;
        for value in [
            "Bearer %",
            "Bearer",
            "Bearer ",
            "bearer \u{e9}",
            "Basic !!!",
            "Basic Og==",
            ",",
            &format!("Bearer {token}"),
        ] {
            for path in ["/api/v1/me", "/.vestibule/check"] {
                let request = || ask(&world, Method::GET, path).header("authorization", value);
                assert_eq!(request().send().await.unwrap().status(), 401, "{value}");
                assert_eq!(request().header("cookie", &session).send().await.unwrap().status(), 200, "{value}");
            }
        }
    }

    async fn begin_says_where_to_go(database) {
        let world = Plan::on(database).start().await;
        let path = "/api/v1/session/begin?provider=github&return_to=/healthz?x=1";
        let answer = own(&world, Method::POST, path).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        is_for_nobody_else(&answer);
        let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
        assert!(cookie.starts_with("__Host-vestibule_browser="), "{cookie}");
        let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        let url = body["url"].as_str().unwrap();
        assert_eq!(body, json!({ "url": url }));
        assert!(url.starts_with(&format!("{}/login/oauth/authorize?", world.idp.base_url())), "{url}");

        // The browser goes there, and comes back to where the application wanted.
        let mut visitor = world.visitor();
        visitor.browser().cookies.store(&world.at("/"), &cookie);
        let page = visitor.browser().visit(url.parse().unwrap()).await.unwrap();
        let page = visitor.go_on(page, "github", Some("octavia")).await.unwrap();
        assert_eq!(page.url, world.at("/healthz?x=1"));
        assert_eq!(world.count("sessions").await, 1);
    }

    async fn begin_without_a_provider_takes_the_default_one(database) {
        let world = Plan::on(database).start().await;
        let answer = own(&world, Method::POST, "/api/v1/session/begin").send().await.unwrap();
        assert_eq!(refused(answer).await, (404, "unknown provider".to_owned()));
        let world = Plan { server: "default_provider = \"github\"".to_owned(), ..Plan::on(database) }.start().await;
        let answer = own(&world, Method::POST, "/api/v1/session/begin").send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }

    async fn a_begin_that_is_wrong_starts_nothing(database) {
        let world = Plan::on(database).start().await;
        let begin = "/api/v1/session/begin";
        for (query, status, detail) in [
            ("?provider=gitlab", 404, "unknown provider"),
            ("?provider=", 404, "unknown provider"),
            ("?provider=GITHUB", 404, "unknown provider"),
            ("?provider=github%00", 404, "unknown provider"),
            ("?provider=%ff", 404, "unknown provider"),
            ("?provider=github'--", 404, "unknown provider"),
            ("?provider=github&provider=github", 400, "malformed request"),
            ("?provider=github&provider=gitlab", 400, "malformed request"),
            ("?provider=github&return_to=/a&return_to=/b", 400, "malformed request"),
        ] {
            let answer = own(&world, Method::POST, &format!("{begin}{query}")).send().await.unwrap();
            assert!(!answer.headers().contains_key("set-cookie"));
            assert_eq!(refused(answer).await, (status, detail.to_owned()), "{query}");
        }
        let path = format!("{begin}?provider=github");
        for request in [
            ask(&world, Method::POST, &path),
            ask(&world, Method::POST, &path).header("sec-fetch-site", "cross-site").header("origin", &world.url),
            ask(&world, Method::POST, &path).header("sec-fetch-site", "same-site"),
            ask(&world, Method::POST, &path).header("origin", "https://evil.example"),
            ask(&world, Method::POST, &path).header("origin", "null"),
        ] {
            let answer = request.send().await.unwrap();
            is_for_nobody_else(&answer);
            assert!(!answer.headers().contains_key("set-cookie"));
            let text = "this call must come from the server's own origin".to_owned();
            assert_eq!(refused(answer).await, (403, text));
        }
        assert_eq!(world.count("login_attempts").await, 0);
    }

    async fn what_is_not_there_is_said_in_json(database) {
        let world = Plan::on(database).start().await;
        for (method, path, allowed) in [
            (Method::GET, "/api/v1/session/begin", "POST"),
            (Method::POST, "/api/v1/me", "GET,HEAD"),
            (Method::GET, "/api/v1/session", "DELETE"),
            (Method::POST, "/.vestibule/check", "GET,HEAD"),
            (Method::OPTIONS, "/.vestibule/check", "GET,HEAD"),
        ] {
            let answer = own(&world, method, path).send().await.unwrap();
            assert_eq!(answer.headers()["allow"], allowed, "{path}");
            assert_eq!(refused(answer).await, (405, "this call has another method".to_owned()), "{path}");
        }
        for path in
            ["/api/", "/api/v1", "/api/v1/", "/api/v2/me", "/api/v1/me/", "/.vestibule/", "/.vestibule/check/x"]
        {
            let answer = own(&world, Method::GET, path).send().await.unwrap();
            assert_eq!(refused(answer).await, (404, "there is no such call".to_owned()), "{path}");
        }
    }

    async fn too_many_begins_are_told_when_to_come_back(database) {
        let world = Plan { server: "begin_rate = \"2/min\"".to_owned(), ..Plan::on(database) }.start().await;
        let begin = || own(&world, Method::POST, "/api/v1/session/begin?provider=github").send();
        for _ in 0..2 {
            assert_eq!(begin().await.unwrap().status(), 200);
        }
        let answer = begin().await.unwrap();
        let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=31).contains(&wait), "{wait}");
        let text = "too many sign-ins from this address, try again later".to_owned();
        assert_eq!(refused(answer).await, (429, text));
        // Pages and calls count together.
        let page = own(&world, Method::POST, "/auth/github/begin").send().await.unwrap();
        assert_eq!(page.status(), 429);
        world.clock.advance(std::time::Duration::from_secs(wait));
        assert_eq!(begin().await.unwrap().status(), 200);
    }

    async fn a_provider_that_is_out_of_order_is_said_in_json(database) {
        let world =
            Plan { public_url: Some("https://id.example.org".to_owned()), ..Plan::on(database) }.start().await;
        let answer = own(&world, Method::POST, "/api/v1/session/begin?provider=github").send().await.unwrap();
        assert_eq!(refused(answer).await, (503, "this provider is temporarily unavailable".to_owned()));
        let world = Plan { provider: "state = \"disabled\"".to_owned(), ..Plan::on(database) }.start().await;
        let answer = own(&world, Method::POST, "/api/v1/session/begin?provider=github").send().await.unwrap();
        assert_eq!(refused(answer).await, (404, "this provider is turned off".to_owned()));
        assert!(world.idp.requests_to(Endpoint::Authorize).is_empty());
    }

    async fn deleting_the_session_signs_out_whoever_asks_from_our_page(database) {
        let world = Plan::on(database).start().await;
        let session = sign_in(&world, "octavia").await;
        // Twice: the second one is not signed in any more, which is what was asked for.
        for _ in 0..2 {
            let delete = own(&world, Method::DELETE, "/api/v1/session").header("cookie", &session);
            let answer = delete.send().await.unwrap();
            assert_eq!(answer.status(), 204);
            is_for_nobody_else(&answer);
            assert_eq!(
                answer.headers()["set-cookie"],
                format!("{SESSION}=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0")
            );
            assert_eq!(answer.text().await.unwrap(), "");
        }
        assert_eq!(world.count("sessions").await, 0);
    }

    async fn the_check_names_the_visitor_in_two_headers_or_says_no(database) {
        let world = Plan::on(database).start().await;
        let session = sign_in(&world, "octavia").await;
        for method in [Method::GET, Method::HEAD] {
            let check = || ask(&world, method.clone(), "/.vestibule/check");
            let answer = check().header("cookie", &session).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            is_for_nobody_else(&answer);
            assert_eq!(identity(&answer), octavia());
            assert_eq!(answer.text().await.unwrap(), "");
            let answer = check().send().await.unwrap();
            assert_eq!(answer.status(), 401);
            is_for_nobody_else(&answer);
            assert_eq!(identity(&answer), []);
        }
    }

    async fn nothing_but_the_cookie_changes_the_check(database) {
        let world = Plan::on(database).start().await;
        let session = sign_in(&world, "octavia").await;
        sign_in(&world, "kai").await;
        for path in [
            "/.vestibule/check",
            "/.vestibule/check?rd=/healthz",
            "/.vestibule/check?user=2&x-vestibule-user-id=2",
            "/.vestibule/check#/public",
        ] {
            for (name, value) in TRICKS {
                let check = || ask(&world, Method::GET, path).header(name, value).header(name, value);
                let answer = check().send().await.unwrap();
                assert_eq!(
                    (answer.status().as_u16(), identity(&answer)),
                    (401, vec![]),
                    "{path} {name}: {value}"
                );
                let answer = check().header("cookie", &session).send().await.unwrap();
                assert_eq!(
                    (answer.status().as_u16(), identity(&answer)),
                    (200, octavia()),
                    "{path} {name}: {value}"
                );
            }
        }
        // Behind a listed proxy as well: its word about addresses lets nobody in.
        let server = "trusted_proxies = [\"127.0.0.0/8\", \"::1\"]".to_owned();
        let world = Plan { server, after: Some(world.stop().await), ..Plan::on(database) }.start().await;
        for (name, value) in TRICKS {
            let check = ask(&world, Method::GET, "/.vestibule/check").header(name, value);
            assert_eq!(check.send().await.unwrap().status(), 401, "{name}: {value}");
        }
    }

    async fn no_odd_method_or_path_is_a_way_around_the_check(database) {
        let world = Plan::on(database).start().await;
        for method in ["OPTIONS", "TRACE", "POST", "PUT", "PROPFIND", "get", "GETS"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = ask(&world, method, "/.vestibule/check").send().await.unwrap();
            assert_eq!(answer.status(), 405);
        }
        for path in [
            "/.vestibule/check/",
            "/.vestibule//check",
            "/.vestibule/%63heck",
            "//.vestibule/check",
            "/.vestibule/check;x",
            "/.vestibule/check%2f..%2fcheck",
            "/.Vestibule/check",
        ] {
            let answer = ask(&world, Method::GET, path).send().await.unwrap();
            assert_eq!(answer.status(), 404, "{path}");
        }
    }

    async fn a_database_that_fails_is_never_a_yes(database) {
        let world = Plan::on(database).start().await;
        let session = sign_in(&world, "octavia").await;
        let calls = [
            (Method::GET, "/.vestibule/check"),
            (Method::HEAD, "/.vestibule/check"),
            (Method::GET, "/api/v1/me"),
        ];

        // A table is gone: the statement fails.
        let rows = world.database().await;
        rows.run("ALTER TABLE sessions RENAME TO elsewhere").await;
        for (method, path) in &calls {
            let answer = ask(&world, method.clone(), path).header("cookie", &session).send().await.unwrap();
            assert_eq!((answer.status().as_u16(), identity(&answer).len()), (500, 1), "{path}");
            assert_eq!(answer.headers()["content-type"], "application/json");
        }
        rows.run("ALTER TABLE elsewhere RENAME TO sessions").await;
        // A username that is none is not put into a header.
        rows.run("UPDATE users SET username = 'a\r\nX-Admin: 1'").await;
        let check = || ask(&world, Method::GET, "/.vestibule/check").header("cookie", &session);
        let answer = check().send().await.unwrap();
        assert_eq!(answer.status(), 500);
        assert!(
            !answer.headers().contains_key("x-admin") && !answer.headers().contains_key("x-vestibule-user-id")
        );
        rows.run("UPDATE users SET username = 'octavia'").await;
        assert_eq!(check().send().await.unwrap().status(), 200);

        // Another process holds it: reads go on.
        let held = rows.hold().await;
        assert_eq!(check().send().await.unwrap().status(), 200);
        drop(held);

        // It cannot be reached at all: 503, and the readiness says so.
        world.app.store.close().await;
        for (method, path) in &calls {
            let answer = ask(&world, method.clone(), path).header("cookie", &session).send().await.unwrap();
            assert_eq!(answer.status(), 503, "{path}");
            assert_eq!(answer.headers()["retry-after"], "6");
            assert!(!answer.headers().contains_key("x-vestibule-user-id"));
        }
        assert_eq!(
            refused(check().send().await.unwrap()).await,
            (503, "the service is temporarily unavailable".to_owned())
        );
        assert_eq!(ask(&world, Method::GET, "/readyz").send().await.unwrap().status(), 503);
        assert_eq!(ask(&world, Method::GET, "/healthz").send().await.unwrap().status(), 200);
        // Without a cookie there is nothing to look up.
        assert_eq!(ask(&world, Method::GET, "/.vestibule/check").send().await.unwrap().status(), 401);
    }

    async fn health_and_readiness_say_so_in_text(database) {
        let world = Plan::on(database).start().await;
        for (path, text) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
            let answer = ask(&world, Method::GET, path).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
            assert_eq!(answer.text().await.unwrap(), text);
        }
        // One provider that is out of order takes nobody else out of service.
        let world =
            Plan { public_url: Some("https://id.example.org".to_owned()), ..Plan::on(database) }.start().await;
        assert_eq!(ask(&world, Method::GET, "/readyz").send().await.unwrap().status(), 200);
    }
}
