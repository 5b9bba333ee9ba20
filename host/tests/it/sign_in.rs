//! One sign-in, from the button to the row, and everything that must not make one. Each runs on both transports.

use vestibule_demo_idp::visitor::VisitError;
use vestibule_demo_idp::{Endpoint, Person};

use crate::database::everywhere;
use crate::world::{CLIENT_ID, Plan, plain_client};

async fn status_of(error: VisitError) -> (u16, String) {
    match error {
        VisitError::ErrorPage { status, title, id, .. } => {
            assert!(id.is_some(), "an error page shows its id");
            (status, title)
        }
        other => panic!("not an error page: {other}"),
    }
}

everywhere! {
    async fn a_person_signs_in_and_the_rows_are_there(place) {
        let world = Plan::on(place).start().await;
        let signed_in = world.visitor().sign_in("github", Some("octavia")).await.unwrap();
        assert_eq!(signed_in.username(), Some("octavia"));
        assert_eq!(signed_in.me.pointer("/user/name").unwrap(), "Octavia Hubbard");
        assert_eq!(signed_in.me.pointer("/user/primary_provider").unwrap(), "github");
        assert_eq!(signed_in.me.pointer("/user/is_admin").unwrap(), false);
        assert_eq!(signed_in.landed, format!("{}/account", world.url));

        let row: (String, String, String, String, i64) =
            world.database().await.row("SELECT account_id, login, name, email, email_verified FROM oauth_github").await;
        // The verified flag of an Enterprise Server says nothing, so it is "unknown".
        assert_eq!(
            row,
            ("583231".into(), "octavia".into(), "Octavia Hubbard".into(), "octavia@example.org".into(), 2)
        );
        for table in ["users", "identities", "oauth_github", "sessions"] {
            assert_eq!(world.count(table).await, 1, "{table}");
        }
        assert_eq!(world.count("login_attempts").await, 0);
    }

    async fn a_second_sign_in_makes_no_second_user(place) {
        let world = Plan::on(place).start().await;
        let first = world.visitor().sign_in("github", Some("octavia")).await.unwrap();
        let other = world.visitor().sign_in("github", Some("kai")).await.unwrap();
        let again = world.visitor().sign_in("github", Some("octavia")).await.unwrap();
        assert_eq!(first.id(), again.id());
        assert_ne!(first.id(), other.id());
        assert_eq!(world.count("users").await, 2);
    }

    async fn an_id_above_two_to_the_53_stays_exact(place) {
        let world = Plan::on(place).start().await;
        world.visitor().sign_in("github", Some("beatriz-big")).await.unwrap();
        let id: String = world.database().await.value("SELECT account_id FROM oauth_github").await;
        assert_eq!(id, "9007199254740993");
    }

    async fn the_person_lands_where_they_wanted_to_go(place) {
        let world = Plan::on(place).start().await;
        let mut visitor = world.visitor().returning_to("/healthz?x=1");
        let signed_in = visitor.sign_in("github", None).await.unwrap();
        assert_eq!(signed_in.landed, format!("{}/healthz", world.url));
    }

    async fn a_return_path_to_another_origin_leads_home(place) {
        let world = Plan::on(place).start().await;
        for path in ["//evil.example", "https://evil.example/", "/\\evil.example", "/.//evil.example"] {
            let signed_in = world.visitor().returning_to(path).sign_in("github", None).await.unwrap();
            assert_eq!(signed_in.landed, format!("{}/account", world.url), "{path}");
        }
    }

    async fn the_token_request_repeats_redirect_uri_and_verifier_and_is_sent_once(place) {
        let world = Plan::on(place).start().await;
        world.visitor().sign_in("github", Some("octavia")).await.unwrap();
        let authorize = world.idp.requests_to(Endpoint::Authorize);
        let tokens = world.idp.requests_to(Endpoint::Token);
        assert_eq!(tokens.len(), 1);
        let redirect_uri = format!("{}/auth/github/callback", world.url);
        assert_eq!(authorize[0].query_param("redirect_uri").as_deref(), Some(&*redirect_uri));
        assert_eq!(tokens[0].form_param("redirect_uri").as_deref(), Some(&*redirect_uri));
        assert_eq!(authorize[0].query_param("code_challenge_method").as_deref(), Some("S256"));
        let verifier = tokens[0].form_param("code_verifier").unwrap();
        assert_eq!(verifier.len(), 43);
        assert_eq!(authorize[0].query_param("client_id").as_deref(), Some(CLIENT_ID));
    }

    async fn one_callback_twenty_times_in_parallel_is_one_token_request(place) {
        let world = Plan::on(place).start().await;
        let (url, cookie) = world.callback(&mut world.visitor(), "octavia").await;
        let client = plain_client();
        let mut answers = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let request = client.get(url.clone()).header("cookie", &cookie);
            answers.spawn(async move { request.send().await.unwrap().status().as_u16() });
        }
        let mut statuses = answers.join_all().await;
        statuses.sort_unstable();
        assert_eq!(statuses[0], 303);
        assert!(statuses[1..].iter().all(|status| *status == 400), "{statuses:?}");
        assert_eq!(world.idp.requests_to(Endpoint::Token).len(), 1);
        assert_eq!(world.count("sessions").await, 1);
    }

    async fn a_hundred_first_sign_ins_of_one_account_are_one_user(place) {
        let mut plan = Plan { server: "begin_rate = \"1000/min\"".to_owned(), ..Plan::on(place) };
        // More than the usual 64 at once, or some would be told to come back.
        plan.operations.operations = 200;
        let world = plan.start().await;
        let mut sign_ins = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let mut visitor = world.visitor();
            sign_ins.spawn(async move { visitor.sign_in("github", Some("octavia")).await.unwrap().id() });
        }
        let mut ids = sign_ins.join_all().await;
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 1);
        for (table, rows) in [("users", 1), ("identities", 1), ("oauth_github", 1), ("sessions", 100)] {
            assert_eq!(world.count(table).await, rows, "{table}");
        }
    }

    async fn fifty_people_with_one_handle_are_fifty_users(place) {
        let world = Plan { server: "begin_rate = \"1000/min\"".to_owned(), ..Plan::on(place) }.start().await;
        // The handle is free again as soon as its owner is renamed, so all of them have had it.
        world.idp.add_person(Person::new(1_000_000, "alex", "Alex"));
        let mut names = Vec::new();
        for n in 0..50 {
            assert!(world.idp.update_person(1_000_000 + n, |person| person.login = "alex".to_owned()));
            names.push(world.visitor().sign_in("github", Some("alex")).await.unwrap().username().unwrap().to_owned());
            world.idp.update_person(1_000_000 + n, |person| person.login = format!("was-alex-{n}"));
            world.idp.add_person(Person::new(1_000_001 + n, "next", "Alex"));
        }
        assert_eq!(names[..3], ["alex", "alex-2", "alex-3"]);
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 50);
        assert_eq!(world.count("users").await, 50);
    }

    async fn a_renamed_account_is_still_the_same_user(place) {
        let world = Plan::on(place).start().await;
        let before = world.visitor().sign_in("github", Some("octavia")).await.unwrap();
        world.idp.update_person(583_231, |person| person.login = "octavia-renamed".to_owned());
        world.idp.add_person(Person::new(4_242, "octavia", "Somebody Else"));
        let after = world.visitor().sign_in("github", Some("octavia-renamed")).await.unwrap();
        let thief = world.visitor().sign_in("github", Some("octavia")).await.unwrap();
        assert_eq!(before.id(), after.id());
        assert_ne!(before.id(), thief.id());
    }

    async fn the_same_email_at_another_account_joins_nobody(place) {
        let world = Plan::on(place).start().await;
        let before = world.visitor().sign_in("github", Some("octavia")).await.unwrap();
        let mut twin = Person::new(5_555, "twin", "Twin");
        twin.emails[0].address = "octavia@example.org".to_owned();
        world.idp.add_person(twin);
        let after = world.visitor().sign_in("github", Some("twin")).await.unwrap();
        assert_ne!(before.id(), after.id());
    }

    async fn the_person_says_no_at_the_provider(place) {
        let world = Plan::on(place).start().await;
        let error = world.visitor().sign_in("github", Some("nadia-no")).await.unwrap_err();
        assert_eq!(status_of(error).await.0, 403);
        assert_eq!(world.count("users").await, 0);
        assert!(world.idp.requests_to(Endpoint::Token).is_empty());
    }

    async fn closed_sign_up_lets_known_people_in_and_nobody_else(place) {
        let world = Plan::on(place).start().await;
        world.visitor().sign_in("github", Some("octavia")).await.unwrap();
        let world = Plan {
            sections: "[signup]\nmode = \"closed\"".to_owned(),
            after: Some(world.stop().await),
            ..Plan::on(place)
        };
        let world = world.start().await;
        world.visitor().sign_in("github", Some("octavia")).await.unwrap();
        let error = world.visitor().sign_in("github", Some("kai")).await.unwrap_err();
        assert_eq!(status_of(error).await.0, 403);
        assert_eq!(world.count("users").await, 1);
    }
}
