//! Signed-in browsers (rows 54–62 and 91 of docs/security.md): what begins a session, what ends it, and what is none.

use std::time::Duration;

use vestibule::random::sha256;

use crate::database::on_both_databases;
use crate::world::{Plan, World, plain_client};

const SESSION: &str = "__Host-vestibule_session";
const BROWSER: &str = "__Host-vestibule_browser";
const DAY: Duration = Duration::from_secs(86_400);
const MICROSECOND: Duration = Duration::from_micros(1);

/// Signs in with a new browser: the session's token.
async fn sign_in(world: &World, person: &str) -> String {
    let mut visitor = world.visitor();
    visitor.sign_in("github", Some(person)).await.unwrap();
    visitor.browser().cookies.value("localhost", SESSION).unwrap().to_owned()
}

/// What `me` says to a `Cookie` header.
async fn me_with(world: &World, cookie: &str) -> u16 {
    let request = plain_client().get(world.at("/api/v1/me")).header("cookie", cookie);
    request.send().await.unwrap().status().as_u16()
}

async fn me(world: &World, session: &str) -> u16 {
    me_with(world, &format!("{SESSION}={session}")).await
}

/// Brings a callback home with these cookies: the answer.
async fn finish(callback: &url::Url, cookies: &str) -> reqwest::Response {
    plain_client().get(callback.clone()).header("cookie", cookies).send().await.unwrap()
}

/// Asks `me` with a session that lives, and waits until the database says that it is used now: it is noted behind the
/// answer's back if the database is slow.
async fn use_now(world: &World, session: &str) {
    assert_eq!(me(world, session).await, 200);
    let (database, now) = (world.database().await, vestibule::clock::Clock::now(&*world.clock).as_micros());
    let mut look = tokio::time::interval(Duration::from_millis(5));
    loop {
        let seen: i64 = database.value("SELECT MAX(last_seen) FROM sessions").await;
        if seen == now {
            return;
        }
        look.tick().await;
    }
}

fn set_cookies(answer: &reqwest::Response) -> Vec<&str> {
    answer.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect()
}

on_both_databases! {
    async fn signing_in_sets_one_cookie_that_only_this_host_and_no_script_sees(database) {
        let world = Plan::on(database).start().await;
        let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
        let answer = finish(&callback, &cookies).await;
        assert_eq!(answer.status(), 303);
        let [cookie] = set_cookies(&answer)[..] else { panic!("{:?}", answer.headers()) };
        let (token, rest) = cookie.strip_prefix(&format!("{SESSION}=")).unwrap().split_once("; ").unwrap();
        // 256 bits; the life is the absolute one, since the server alone knows about idleness.
        assert_eq!(token.len(), 43);
        assert_eq!(rest, "HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=2592000");
        assert!(cookie.len() <= 4096);
        // The database has a hash.
        let hashes: Vec<Vec<u8>> = world.database().await.values("SELECT token_hash FROM sessions").await;
        assert_eq!(hashes, [sha256(token.as_bytes())]);
    }

    async fn signing_in_again_gives_another_session_and_the_old_one_is_gone(database) {
        let world = Plan::on(database).start().await;
        // Three tabs of one browser: once more as the same person, then as another.
        let mut visitor = world.visitor();
        let mut callbacks = Vec::new();
        for person in ["octavia", "octavia", "kai"] {
            callbacks.push(world.callback(&mut visitor, person).await);
        }
        let mut tokens: Vec<String> = Vec::new();
        for (callback, cookies) in &callbacks {
            let session = tokens.last().map(|token| format!("; {SESSION}={token}")).unwrap_or_default();
            let answer = finish(callback, &format!("{cookies}{session}")).await;
            let set = set_cookies(&answer)[0].split_once(';').unwrap().0;
            tokens.push(set.strip_prefix(&format!("{SESSION}=")).unwrap().to_owned());
            assert_eq!(world.count("sessions").await, 1);
        }
        assert_eq!(me(&world, &tokens[0]).await, 401);
        assert_eq!(me(&world, &tokens[1]).await, 401);
        assert_eq!(me(&world, &tokens[2]).await, 200);
    }

    async fn signing_out_ends_this_session_and_no_other(database) {
        let world = Plan::on(database).start().await;
        let (here, there) = (sign_in(&world, "octavia").await, sign_in(&world, "octavia").await);
        let answer = plain_client()
            .post(world.at("/logout"))
            .header("sec-fetch-site", "same-origin")
            .header("cookie", format!("{SESSION}={here}"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 303);
        assert_eq!(answer.headers()["location"], "/login?notice=signed-out");
        let expected = format!("{SESSION}=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0");
        assert_eq!(set_cookies(&answer), [expected]);
        assert_eq!((me(&world, &here).await, me(&world, &there).await), (401, 200));
        assert_eq!(world.count("sessions").await, 1);
    }

    async fn another_site_signs_nobody_out(database) {
        let world = Plan::on(database).start().await;
        let session = sign_in(&world, "octavia").await;
        let client = plain_client();
        let requests = |method: reqwest::Method, path: &str| {
            let request = || {
                client.request(method.clone(), world.at(path)).header("cookie", format!("{SESSION}={session}"))
            };
            [
                request(),
                request().header("sec-fetch-site", "cross-site").header("origin", &world.url),
                request().header("sec-fetch-site", "same-site"),
                request().header("sec-fetch-site", "none"),
                request().header("origin", "null"),
                request().header("origin", "https://evil.example"),
                request().header("origin", format!("{}.evil.example", world.url)),
                request().header("referer", world.url.clone()),
            ]
        };
        for request in requests(reqwest::Method::POST, "/logout")
            .into_iter()
            .chain(requests(reqwest::Method::DELETE, "/api/v1/session"))
        {
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 403);
            assert!(set_cookies(&answer).is_empty());
        }
        let get = client.get(world.at("/logout")).header("cookie", format!("{SESSION}={session}"));
        assert_eq!(get.header("sec-fetch-site", "same-origin").send().await.unwrap().status(), 405);
        assert_eq!(me(&world, &session).await, 200);
    }

    async fn a_session_that_the_client_invented_is_never_adopted(database) {
        let world = Plan::on(database).start().await;
        let invented = "A".repeat(43);
        assert_eq!(me(&world, &invented).await, 401);
        // Not by signing in with it, either.
        let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
        let answer = finish(&callback, &format!("{cookies}; {SESSION}={invented}")).await;
        assert_eq!(answer.status(), 303);
        assert!(!set_cookies(&answer)[0].contains(&invented));
        assert_eq!(me(&world, &invented).await, 401);
        // Nor is an invented browser cookie, to which an attempt would be bound: only the one who has it can come back.
        assert_eq!(world.count("sessions").await, 1);
    }

    async fn two_cookies_of_one_name_are_none(database) {
        let world = Plan::on(database).start().await;
        let (mine, other) = (sign_in(&world, "octavia").await, sign_in(&world, "kai").await);
        for cookie in [
            format!("{SESSION}={mine}; {SESSION}={other}"),
            format!("{SESSION}={other}; {SESSION}={mine}"),
            format!("{SESSION}={mine}; {SESSION}={mine}"),
            format!("{SESSION}={mine}; {SESSION}="),
        ] {
            assert_eq!(me_with(&world, &cookie).await, 401, "{cookie}");
        }
        let two_lines = plain_client()
            .get(world.at("/api/v1/me"))
            .header("cookie", format!("{SESSION}={mine}"))
            .header("cookie", format!("{SESSION}={other}"));
        assert_eq!(two_lines.send().await.unwrap().status(), 401);
    }

    async fn only_the_exact_cookie_counts(database) {
        let world = Plan::on(database).start().await;
        let session = sign_in(&world, "octavia").await;
        let flipped: String =
            session.chars().map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c }).collect();
        let evil = [
            format!("__host-vestibule_session={session}"),
            format!("__HOST-VESTIBULE_SESSION={session}"),
            format!("vestibule_session={session}"),
            format!("{SESSION}2={session}"),
            format!("{SESSION}={flipped}"),
            format!("{SESSION}={session}a"),
            format!("{SESSION}={}", &session[..42]),
            format!("{SESSION}=' OR 1=1 --"),
            format!("{SESSION}={session}' OR '1'='1"),
            format!("{SESSION}=1"),
            format!("{SESSION}={}", "a".repeat(5 * 1024)),
            format!("{SESSION}={session}%00"),
            format!("{SESSION}=\"{session}"),
            SESSION.to_owned(),
            format!("{SESSION}="),
            "=".to_owned(),
            ";;;".to_owned(),
        ];
        for cookie in evil {
            assert_eq!(me_with(&world, &cookie).await, 401, "{cookie}");
        }
        let bytes = [format!("{SESSION}=").as_bytes(), b"\xff\xfe"].concat();
        let request = plain_client()
            .get(world.at("/api/v1/me"))
            .header("cookie", reqwest::header::HeaderValue::from_bytes(&bytes).unwrap());
        assert_eq!(request.send().await.unwrap().status(), 401);
        // Among a thousand others it is found.
        let many: String = (0..1_000).map(|n| format!("c{n}=1; ")).collect();
        assert_eq!(me_with(&world, &format!("{many}{SESSION}={session}")).await, 200);
    }

    async fn a_session_is_no_state_and_no_browser_and_neither_is_a_session(database) {
        let world = Plan::on(database).start().await;
        let mut visitor = world.visitor();
        let (callback, cookies) = world.callback(&mut visitor, "octavia").await;
        let state = callback.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        let code = callback.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        let browser = visitor.browser().cookies.value("localhost", BROWSER).unwrap().to_owned();
        for token in [&state, &browser, &code] {
            assert_eq!(me(&world, token).await, 401);
        }
        let session = sign_in(&world, "kai").await;
        // A session as the browser that began, and as the state.
        assert_eq!(finish(&callback, &format!("{BROWSER}={session}")).await.status(), 400);
        let mut other = callback.clone();
        other.query_pairs_mut().clear().append_pair("state", &session).append_pair("code", &code);
        assert_eq!(finish(&other, &cookies).await.status(), 400);
        assert_eq!(finish(&other, &format!("{cookies}; {SESSION}={session}")).await.status(), 400);
        assert_eq!(me(&world, &session).await, 200);
        assert_eq!(finish(&callback, &cookies).await.status(), 303);
    }

    async fn a_session_ends_when_it_was_not_used_for_so_long_to_the_microsecond(database) {
        let sections = "[session]\nidle = \"1d\"\nabsolute = \"10d\"".to_owned();
        let world = Plan { sections, ..Plan::on(database) }.start().await;
        let (before, after) = (sign_in(&world, "octavia").await, sign_in(&world, "kai").await);
        world.clock.advance(DAY - MICROSECOND);
        use_now(&world, &before).await;
        world.clock.advance(MICROSECOND);
        // The one that was used a microsecond ago goes on, the other one has been idle for a day.
        assert_eq!((me(&world, &before).await, me(&world, &after).await), (200, 401));
    }

    async fn a_session_ends_however_busy_it_is_to_the_microsecond(database) {
        let sections = "[session]\nidle = \"1d\"\nabsolute = \"2d\"".to_owned();
        let world = Plan { sections, ..Plan::on(database) }.start().await;
        let session = sign_in(&world, "octavia").await;
        for _ in 0..3 {
            world.clock.advance(DAY / 2);
            use_now(&world, &session).await;
        }
        world.clock.advance(DAY / 2 - MICROSECOND);
        assert_eq!(me(&world, &session).await, 200);
        world.clock.advance(MICROSECOND);
        assert_eq!(me(&world, &session).await, 401);
        // The sweep takes away what nobody may use any more.
        vestibule::startup::sweep(&world.app).await;
        assert_eq!(world.count("sessions").await, 0);
    }

    async fn its_use_is_written_down_at_most_once_a_minute(database) {
        let world = Plan::on(database).start().await;
        let session = sign_in(&world, "octavia").await;
        let rows = world.database().await;
        let last_seen = || async {
            let read: i64 = rows.value("SELECT last_seen FROM sessions").await;
            Duration::from_micros(u64::try_from(read - crate::world::START.as_micros()).unwrap())
        };
        let minute = Duration::from_secs(60);
        // A use that is a minute old or younger is not written over.
        for (step, writes) in
            [(minute / 2, false), (minute / 2, false), (MICROSECOND, true), (minute, false), (MICROSECOND, true)]
        {
            let before = last_seen().await;
            world.clock.advance(step);
            if writes {
                use_now(&world, &session).await;
            } else {
                assert_eq!(me(&world, &session).await, 200);
                assert_eq!(last_seen().await, before);
            }
        }
        assert_eq!(last_seen().await, 2 * minute + 2 * MICROSECOND);
    }

    async fn a_deleted_user_is_signed_out_at_once(database) {
        let world = Plan::on(database).start().await;
        let (gone, stays) = (sign_in(&world, "octavia").await, sign_in(&world, "kai").await);
        let rows = world.database().await;
        for statement in [
            "DELETE FROM identities WHERE user_id = 1",
            "DELETE FROM oauth_github WHERE user_id = 1",
            "DELETE FROM users WHERE id = 1",
        ] {
            rows.run(statement).await;
        }
        assert_eq!((me(&world, &gone).await, me(&world, &stays).await), (401, 200));
        assert_eq!(world.count("sessions").await, 1);
    }

    async fn a_session_survives_a_restart_and_its_end_does_too(database) {
        let world = Plan::on(database).start().await;
        let (kept, ended) = (sign_in(&world, "octavia").await, sign_in(&world, "kai").await);
        let delete = plain_client()
            .delete(world.at("/api/v1/session"))
            .header("sec-fetch-site", "same-origin")
            .header("cookie", format!("{SESSION}={ended}"));
        assert_eq!(delete.send().await.unwrap().status(), 204);
        let stopped = world.stop().await;
        assert_eq!(stopped.cut, 0);
        let world = Plan { after: Some(stopped), ..Plan::on(database) }.start().await;
        assert_eq!((me(&world, &kept).await, me(&world, &ended).await), (200, 401));
    }

    async fn who_is_signed_in_is_sent_from_the_sign_in_page_to_where_they_wanted_to_go(database) {
        let world = Plan::on(database).start().await;
        let session = sign_in(&world, "octavia").await;
        for (path, leads_to) in [
            ("/login", "/account"),
            ("/login?return_to=/wiki/page", "/wiki/page"),
            ("/login?return_to=/wiki/page&return_to=/other", "/wiki/page"),
            ("/login?return_to=//evil.example", "/account"),
            ("/login?return_to=https://evil.example/", "/account"),
            ("/login?return_to=/login", "/account"),
            ("/login?return_to=/logout", "/account"),
            ("/login?return_to=/%0d%0aSet-Cookie:x", "/account"),
            ("/", "/account"),
        ] {
            let request = plain_client().get(world.at(path)).header("cookie", format!("{SESSION}={session}"));
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 303, "{path}");
            assert_eq!(answer.headers()["location"], leads_to, "{path}");
            assert!(set_cookies(&answer).is_empty());
        }
        let ended =
            plain_client().get(world.at("/account")).header("cookie", format!("{SESSION}={}", "a".repeat(43)));
        let ended = ended.send().await.unwrap();
        assert_eq!(ended.headers()["location"], "/login?return_to=/account&notice=session-ended");
        for (path, leads_to) in [("/", "/login"), ("/account", "/login?return_to=/account&notice=sign-in-first")]
        {
            let answer = plain_client().get(world.at(path)).send().await.unwrap();
            assert_eq!(
                (answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()),
                (303, leads_to)
            );
        }
    }

    async fn reading_pages_sets_no_cookie(database) {
        let world = Plan::on(database).start().await;
        let session = sign_in(&world, "octavia").await;
        for path in ["/", "/login", "/account", "/api/v1/me", "/.vestibule/check", "/healthz", "/nowhere"] {
            for cookie in [String::new(), format!("{SESSION}={session}"), format!("{SESSION}=invented")] {
                let answer = plain_client().get(world.at(path)).header("cookie", cookie).send().await.unwrap();
                assert!(set_cookies(&answer).is_empty(), "{path}");
            }
        }
    }
}
