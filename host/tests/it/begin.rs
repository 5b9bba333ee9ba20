//! What starts a sign-in, and what must not (rows 1–7 of docs/security.md).

use vestibule_demo_idp::Endpoint;

use crate::database::everywhere;
use crate::world::{Plan, World, plain_client};

/// A begin as a browser sends it from the sign-in page.
fn begin(world: &World, provider: &str) -> reqwest::RequestBuilder {
    let path = format!("{}/auth/{provider}/begin", world.url);
    plain_client().post(path).header("sec-fetch-site", "same-origin").header("origin", &world.url)
}

everywhere! {
    async fn a_begin_from_another_site_starts_nothing(place) {
        let world = Plan::on(place).start().await;
        let path = format!("{}/auth/github/begin", world.url);
        let client = plain_client();
        for request in [
            client.post(&path),
            client.post(&path).header("sec-fetch-site", "cross-site").header("origin", &world.url),
            client.post(&path).header("sec-fetch-site", "same-site"),
            client.post(&path).header("sec-fetch-site", "none"),
            client.post(&path).header("origin", "https://evil.example"),
            client.post(&path).header("origin", "null"),
            client.post(&path).header("referer", format!("{}/login", world.url)),
        ] {
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 403);
            assert!(answer.headers().get("set-cookie").is_none());
        }
        assert_eq!(world.count("login_attempts").await, 0);
    }

    async fn a_browser_without_fetch_metadata_begins_by_its_origin(place) {
        let world = Plan::on(place).start().await;
        let path = format!("{}/auth/github/begin", world.url);
        let answer = plain_client().post(path).header("origin", &world.url).send().await.unwrap();
        assert_eq!(answer.status(), 303);
        assert_eq!(world.count("login_attempts").await, 1);
    }

    async fn a_get_never_starts_a_sign_in(place) {
        let world = Plan::on(place).start().await;
        let client = plain_client();
        let answer = client.get(format!("{}/auth/github/begin", world.url)).send().await.unwrap();
        assert_eq!(answer.status(), 405);
        for path in ["/login?provider=github", "/login?provider=github&provider=x", "/login?provider=%00%ff"] {
            let answer = client.get(world.at(path)).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            assert!(answer.headers().get("set-cookie").is_none());
        }
        assert_eq!(world.count("login_attempts").await, 0);
    }

    async fn a_provider_that_is_not_there_is_not_found(place) {
        let world = Plan::on(place).start().await;
        for name in
            ["gitlab", "GITHUB", "github%00", "..", "%2e%2e", "github%2f", "github%20", "gith%C3%BCb", "users"]
        {
            let answer = begin(&world, name).send().await.unwrap();
            assert_eq!(answer.status(), 404, "{name}");
        }
        assert_eq!(world.count("login_attempts").await, 0);
    }

    async fn a_hidden_provider_is_not_begun_with_but_a_callback_is_served(place) {
        let world = Plan::on(place).start().await;
        let mut visitor = world.visitor();
        let (callback, cookies) = world.callback(&mut visitor, "octavia").await;
        let port = callback.port().unwrap();
        let world = Plan {
            provider: "state = \"hidden\"".to_owned(),
            after: Some(world.stop().await),
            port,
            ..Plan::on(place)
        }
        .start()
        .await;
        assert_eq!(begin(&world, "github").send().await.unwrap().status(), 404);
        assert!(world.visitor().providers().await.unwrap().is_empty());
        let answer = plain_client().get(callback).header("cookie", cookies).send().await.unwrap();
        assert_eq!(answer.status(), 303);
    }

    async fn a_disabled_provider_signs_nobody_in_not_even_who_had_begun(place) {
        let world = Plan::on(place).start().await;
        let mut visitor = world.visitor();
        let (callback, cookies) = world.callback(&mut visitor, "octavia").await;
        let port = callback.port().unwrap();
        let world = Plan {
            provider: "state = \"disabled\"".to_owned(),
            after: Some(world.stop().await),
            port,
            ..Plan::on(place)
        }
        .start()
        .await;
        for answer in [
            begin(&world, "github").send().await.unwrap(),
            plain_client().get(callback).header("cookie", cookies).send().await.unwrap(),
        ] {
            assert_eq!(answer.status(), 404);
            let page = answer.text().await.unwrap();
            assert!(page.contains("turned off"), "{page}");
        }
        assert!(world.idp.requests_to(Endpoint::Token).is_empty());
    }

    async fn each_begin_has_a_state_and_a_verifier_of_its_own(place) {
        let world = Plan::on(place).start().await;
        let mut seen = std::collections::HashSet::new();
        for _ in 0..5 {
            let answer = begin(&world, "github").send().await.unwrap();
            let to = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
            for (name, value) in to.query_pairs() {
                if name == "state" || name == "code_challenge" {
                    assert_eq!(value.len(), 43);
                    assert!(seen.insert(value.into_owned()));
                }
            }
            assert!(to.query_pairs().any(|(name, value)| name == "code_challenge_method" && value == "S256"));
        }
        assert_eq!(seen.len(), 10);
    }

    async fn the_redirect_uri_comes_from_the_configuration_and_not_from_the_request(place) {
        let world = Plan::on(place).start().await;
        let answer = begin(&world, "github")
            .header("host", "evil.example")
            .header("x-forwarded-host", "evil.example")
            .header("x-forwarded-proto", "https")
            .send()
            .await
            .unwrap();
        let to = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        let redirect_uri = to.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1.into_owned();
        assert_eq!(redirect_uri, format!("{}/auth/github/callback", world.url));
    }

    async fn the_address_tells_the_provider_nothing_but_an_opaque_state(place) {
        let world = Plan::on(place).start().await;
        let answer = begin(&world, "github").body("return_to=/secret-page").send().await.unwrap();
        assert_eq!(answer.status(), 303);
        let location = answer.headers()["location"].to_str().unwrap();
        assert!(!location.contains("secret-page"), "{location}");
        assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
        assert_eq!(answer.headers()["cache-control"], "no-store");
    }

    async fn too_many_begins_from_one_address_wait(place) {
        let world = Plan { server: "begin_rate = \"3/min\"".to_owned(), ..Plan::on(place) }.start().await;
        for _ in 0..3 {
            assert_eq!(begin(&world, "github").send().await.unwrap().status(), 303);
        }
        // A client's own word for its address changes nothing: no proxy is listed.
        let answer = begin(&world, "github").header("x-forwarded-for", "203.0.113.9").send().await.unwrap();
        assert_eq!(answer.status(), 429);
        let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=21).contains(&wait), "{wait}");
        world.clock.advance(std::time::Duration::from_secs(wait));
        assert_eq!(begin(&world, "github").send().await.unwrap().status(), 303);
    }

    async fn behind_a_listed_proxy_each_client_has_its_own_limit(place) {
        let server = "begin_rate = \"1/min\"\ntrusted_proxies = [\"127.0.0.1\"]".to_owned();
        let world = Plan { server, ..Plan::on(place) }.start().await;
        let from = |address: &str| begin(&world, "github").header("x-forwarded-for", address.to_owned()).send();
        assert_eq!(from("203.0.113.1").await.unwrap().status(), 303);
        assert_eq!(from("203.0.113.1").await.unwrap().status(), 429);
        assert_eq!(from("203.0.113.2").await.unwrap().status(), 303);
        assert_eq!(from("9.9.9.9, 203.0.113.2").await.unwrap().status(), 429);
    }

    async fn a_browsers_twenty_first_attempt_drops_its_oldest(place) {
        let world = Plan { server: "begin_rate = \"100/min\"".to_owned(), ..Plan::on(place) }.start().await;
        let mut visitor = world.visitor();
        let (first, cookies) = world.callback(&mut visitor, "octavia").await;
        let mut last = None;
        for _ in 0..20 {
            world.clock.advance(std::time::Duration::from_secs(1));
            last = Some(world.callback(&mut visitor, "octavia").await);
        }
        assert_eq!(world.count("login_attempts").await, 20);
        let get = |url: url::Url| plain_client().get(url).header("cookie", &cookies).send();
        assert_eq!(get(first).await.unwrap().status(), 400);
        assert_eq!(get(last.unwrap().0).await.unwrap().status(), 303);
    }

    async fn an_oversized_form_is_refused_and_starts_nothing(place) {
        let world = Plan::on(place).start().await;
        let answer = begin(&world, "github").body("x".repeat(65 * 1024)).send().await.unwrap();
        assert_eq!(answer.status(), 413);
        assert_eq!(world.count("login_attempts").await, 0);
    }
}
