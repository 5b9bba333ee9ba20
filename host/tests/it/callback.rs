//! What a callback must be, before the provider hears of it (rows 8–19 of docs/security.md).

use std::time::Duration;

use vestibule_demo_idp::visitor::{Visitor, forms};
use vestibule_demo_idp::{Endpoint, Fault};

use crate::database::everywhere;
use crate::world::{Plan, World, plain_client};

async fn get(url: &str, cookies: &str) -> reqwest::Response {
    plain_client().get(url).header("cookie", cookies).send().await.unwrap()
}

/// Nobody is signed in, the provider was not asked, and the page says what to do and has an id.
async fn refused(world: &World, answer: reqwest::Response, status: u16) -> String {
    assert_eq!(answer.status(), status);
    assert!(answer.headers().get("set-cookie").is_none(), "{:?}", answer.headers());
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let page = answer.text().await.unwrap();
    assert!(page.contains(&id), "the page shows its id");
    assert!(world.idp.requests_to(Endpoint::Token).is_empty(), "the provider was not asked");
    assert_eq!(world.count("sessions").await, 0);
    assert_eq!(world.count("users").await, 0);
    page
}

everywhere! {
    async fn a_state_that_is_missing_foreign_or_used_is_refused(place) {
        let world = Plan::on(place).start().await;
        let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
        let without = callback.as_str().replace("state=", "other=");
        refused(&world, get(&without, &cookies).await, 400).await;
        let foreign = format!("{}/auth/github/callback?code=x&state={}", world.url, "A".repeat(43));
        refused(&world, get(&foreign, &cookies).await, 400).await;
        assert_eq!(get(callback.as_str(), &cookies).await.status(), 303);
        let again = get(callback.as_str(), &cookies).await;
        assert_eq!(again.status(), 400);
        assert_eq!(world.idp.requests_to(Endpoint::Token).len(), 1);
    }

    async fn another_browsers_state_is_refused_and_not_used_up(place) {
        let world = Plan::on(place).start().await;
        let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
        let (_, other) = world.callback(&mut world.visitor(), "kai").await;
        refused(&world, get(callback.as_str(), &other).await, 400).await;
        assert_eq!(get(callback.as_str(), &cookies).await.status(), 303);
    }

    async fn an_attempt_expires_to_the_microsecond(place) {
        for (after, status) in
            [(Duration::from_secs(600) - Duration::from_micros(1), 303), (Duration::from_secs(600), 400)]
        {
            let world = Plan::on(place).start().await;
            let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
            world.clock.advance(after);
            assert_eq!(get(callback.as_str(), &cookies).await.status(), status, "{after:?}");
        }
    }

    async fn a_callback_without_the_cookie_is_posted_once_more_from_our_own_page(place) {
        let world = Plan::on(place).start().await;
        let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
        let answer = plain_client().get(callback.clone()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["referrer-policy"], "same-origin");
        assert!(!answer.headers()["content-security-policy"].to_str().unwrap().contains("form-action"));
        let page = answer.text().await.unwrap();
        let form = forms(&page).into_iter().next().unwrap();
        assert_eq!((form.method.as_str(), form.action.as_str()), ("post", "/auth/github/callback"));
        assert!(form.fields.contains(&("again".to_owned(), "1".to_owned())));
        assert_eq!(world.count("login_attempts").await, 1, "the state is not used up");

        let post = |cookies: Option<&str>| {
            let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&form.fields).finish();
            let request = plain_client()
                .post(format!("{}/auth/github/callback", world.url))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body);
            match cookies {
                Some(cookies) => request.header("cookie", cookies),
                None => request,
            }
            .send()
        };
        let page = refused(&world, post(None).await.unwrap(), 400).await;
        assert!(page.contains("another browser"), "{page}");
        assert_eq!(post(Some(&cookies)).await.unwrap().status(), 303);
    }

    async fn a_tossed_second_cookie_counts_as_none(place) {
        let world = Plan::on(place).start().await;
        let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
        let tossed = format!("__Host-vestibule_browser=evil; {cookies}");
        let answer = get(callback.as_str(), &tossed).await;
        assert_eq!(answer.status(), 200, "the page that posts again, not a session");
        assert_eq!(world.count("sessions").await, 0);
    }

    async fn a_wrong_issuer_is_refused_before_the_token_request(place) {
        let world = Plan::on(place).start().await;
        world.idp.set_fault(Endpoint::Authorize, Fault::WrongIss);
        let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
        refused(&world, get(callback.as_str(), &cookies).await, 400).await;
    }

    async fn an_issuer_that_was_not_promised_may_be_absent(place) {
        let world = Plan::on(place).start().await;
        let (mut callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
        assert!(callback.query_pairs().any(|(name, _)| name == "iss"), "demo-idp sends it unannounced");
        let pairs: Vec<(String, String)> =
            callback.query_pairs().into_owned().filter(|(name, _)| name != "iss").collect();
        callback.query_pairs_mut().clear().extend_pairs(pairs);
        assert_eq!(get(callback.as_str(), &cookies).await.status(), 303);
    }

    async fn a_parameter_of_the_protocol_that_comes_twice_is_refused(place) {
        let world = Plan::on(place).start().await;
        let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
        for extra in ["code=x", "state=x", "iss=x", "error=x&error=y"] {
            refused(&world, get(&format!("{callback}&{extra}"), &cookies).await, 400).await;
        }
        assert_eq!(get(callback.as_str(), &cookies).await.status(), 303, "none of them used the state up");
    }

    async fn unknown_parameters_are_ignored(place) {
        let world = Plan::on(place).start().await;
        let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
        let url = format!("{callback}&x=1&x=2&session_state=abc&code%5B%5D=1");
        assert_eq!(get(&url, &cookies).await.status(), 303);
    }

    async fn neither_or_both_of_code_and_error_are_refused(place) {
        for query in ["", "code=x&error=access_denied"] {
            let world = Plan::on(place).start().await;
            let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
            let state = callback.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
            let url = format!("{}/auth/github/callback?state={state}&{query}", world.url);
            refused(&world, get(&url, &cookies).await, 400).await;
        }
    }

    async fn what_is_no_callback_is_refused_without_a_crash(place) {
        let world = Plan::on(place).start().await;
        let (_, cookies) = world.callback(&mut world.visitor(), "octavia").await;
        let long = format!("code={}&state=x", "a".repeat(5000));
        for query in
            ["", "code=x", "state=x", "code=%ff&state=x", "code=%00&state=x", "code=%", "&&&&", "=", &long]
        {
            let url = format!("{}/auth/github/callback?{query}", world.url);
            refused(&world, get(&url, &cookies).await, 400).await;
        }
        let huge = format!("{}/auth/github/callback?code={}", world.url, "a".repeat(20 * 1024));
        let answer = get(&huge, &cookies).await;
        assert_eq!(answer.status(), 431);
        for content_type in ["application/json", "multipart/form-data; boundary=x", ""] {
            let answer = plain_client()
                .post(format!("{}/auth/github/callback", world.url))
                .header("cookie", &cookies)
                .header("content-type", content_type)
                .body("{\"code\":\"x\"}")
                .send()
                .await
                .unwrap();
            refused(&world, answer, 400).await;
        }
    }

    async fn head_options_and_other_methods_do_not_use_a_state_up(place) {
        let world = Plan::on(place).start().await;
        let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
        for method in ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "PROPFIND"] {
            let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
            let answer = plain_client()
                .request(method.clone(), callback.clone())
                .header("cookie", &cookies)
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 405, "{method}");
        }
        assert_eq!(get(callback.as_str(), &cookies).await.status(), 303);
    }

    async fn an_error_from_the_provider_closes_the_attempt_and_its_text_is_inert(place) {
        let world = Plan::on(place).start().await;
        let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
        let state = callback.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        let url = format!(
            "{}/auth/github/callback?state={state}&error=%3Cscript%3Ealert(1)%3C/script%3E\
             &error_description=%3Cscript%3Ealert(2)%3C/script%3E&error_uri=https://evil.example/",
            world.url
        );
        let answer = get(&url, &cookies).await;
        assert_eq!(answer.status(), 502);
        let page = answer.text().await.unwrap();
        for text in ["<script>alert", "evil.example"] {
            assert!(!page.contains(text), "{page}");
        }
        assert_eq!(get(callback.as_str(), &cookies).await.status(), 400, "the attempt is closed");
        assert!(world.idp.requests_to(Endpoint::Token).is_empty());
    }

    async fn who_was_refused_tries_again_on_the_way_to_the_same_place(place) {
        let world = Plan::on(place).start().await;
        let mut visitor = world.visitor().returning_to("/healthz?x=1");
        let (callback, cookies) = world.callback(&mut visitor, "nadia-no").await;
        let answer = get(callback.as_str(), &cookies).await;
        assert_eq!(answer.status(), 403);
        let page = answer.text().await.unwrap();
        assert!(page.contains("login?provider=github&amp;return_to=%2Fhealthz%3Fx%3D1"), "{page}");
    }

    async fn success_is_a_303_that_is_not_stored_and_tells_no_referrer(place) {
        let world = Plan::on(place).start().await;
        let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
        let answer = get(callback.as_str(), &cookies).await;
        assert_eq!(answer.status(), 303);
        assert_eq!(answer.headers()["location"], "/");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        assert!(cookie.starts_with("__Host-vestibule_session="), "{cookie}");
        for attribute in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    }

    async fn settings_that_changed_during_a_sign_in_end_it(place) {
        let world = Plan::on(place).start().await;
        let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
        let world = Plan {
            client_id: "another-client".to_owned(),
            port: callback.port().unwrap(),
            after: Some(world.stop().await),
            ..Plan::on(place)
        }
        .start()
        .await;
        let page = refused(&world, get(callback.as_str(), &cookies).await, 400).await;
        assert!(page.contains("settings"), "{page}");
    }

    async fn a_browser_that_goes_away_does_not_spoil_its_sign_in(place) {
        let world = Plan { slow_pause: Duration::from_millis(20), ..Plan::on(place) }.start().await;
        let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
        // The provider takes its time, and the person does not.
        world.idp.set_fault(Endpoint::Token, Fault::Slow);
        let going = tokio::spawn(plain_client().get(callback).header("cookie", &cookies).send());
        while world.idp.requests_to(Endpoint::Token).is_empty() {
            tokio::task::yield_now().await;
        }
        going.abort();
        assert_eq!(world.count("sessions").await, 0, "it is not over yet");
        let database = world.database().await;
        while database.count("sessions").await == 0 {}
        assert_eq!(world.count("users").await, 1);
    }

    async fn a_sign_in_survives_a_restart_of_the_server(place) {
        let world = Plan::on(place).start().await;
        let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
        let port = callback.port().unwrap();
        let world = Plan { port, after: Some(world.stop().await), ..Plan::on(place) }.start().await;
        assert_eq!(get(callback.as_str(), &cookies).await.status(), 303);
        assert_eq!(world.count("users").await, 1);
    }

    async fn the_callback_may_have_a_path_of_the_operators_own(place) {
        let world =
            Plan { provider: "redirect_path = \"/oauth/return\"".to_owned(), ..Plan::on(place) }.start().await;
        let mut visitor: Visitor = world.visitor();
        world.idp.register_redirect_uri(crate::world::CLIENT_ID, &format!("{}/oauth/return", world.url));
        let signed_in = visitor.sign_in("github", Some("octavia")).await.unwrap();
        assert_eq!(signed_in.username(), Some("octavia"));
        let answer = get(&format!("{}/auth/github/callback?code=x&state=y", world.url), "").await;
        assert_eq!(answer.status(), 404);
        let answer = plain_client().head(world.at("/oauth/return")).send().await.unwrap();
        assert_eq!(answer.status(), 405);
    }
}
