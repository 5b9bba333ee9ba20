//! Another configuration while people sign in: what changes, what stays, and what is refused whole.

use std::sync::Arc;
use std::time::Duration;

use vestibule::admin::Operator;
use vestibule::admin::status::{State, Status};
use vestibule::clock::SystemClock;
use vestibule::plugin::{Plugin, Provider, ProviderOptions, Shared};
use vestibule::random::SystemRandom;
use vestibule::startup::reload::{By, Outcome, Report};
use vestibule_demo_idp::{Endpoint, Fault};

use crate::database::on_both_databases;
use crate::world::{CLIENT_ID, Plan, World, library, plain_client};

/// What the configuration says now.
fn text(world: &World) -> String {
    std::fs::read_to_string(world.folder.path().join("config.toml")).unwrap()
}

/// Writes another one, and reloads.
async fn reload(world: &World, text: impl AsRef<str>) -> Report {
    std::fs::write(world.folder.path().join("config.toml"), text.as_ref()).unwrap();
    world.reloader.reload(By::Signal).await
}

/// A section of the plugin `github`.
fn section(world: &World, name: &str) -> String {
    format!(
        "\n[provider.{name}]\nplugin = \"github\"\ntransport = \"in-process\"\nlabel = \"{name}!\"\n\
         [provider.{name}.settings]\nbase_url = \"{}\"\nclient_id = \"{CLIENT_ID}\"\nclient_secret_file = \"client-secret\"\n",
        world.idp.base_url()
    )
}

/// Lets the demo provider know where people come back to.
fn register(world: &World, path: &str) {
    assert!(world.idp.register_redirect_uri(CLIENT_ID, &format!("{}{path}", world.url)));
}

fn provider(world: &World, name: &str) -> Arc<Provider> {
    let registry = world.app.registry.load();
    Arc::clone(&registry.get(name).unwrap().running.as_ref().unwrap().provider)
}

/// A provider of the plugin `misbehaving` that is in no registry.
async fn made(world: &World, name: &str, behaviour: &str) -> Provider {
    let library = library("misbehaving");
    let pin = vestibule::random::sha256(&std::fs::read(&library).unwrap());
    let plugin = Plugin::load(&library, &[pin], &"misbehaving".parse().unwrap()).unwrap();
    let settings = serde_json::json!({"idp": world.idp.base_url(), "behaviour": behaviour});
    let options =
        ProviderOptions { name: name.parse().unwrap(), allow_networks: Vec::new(), loopback_allowed: true };
    let secrets =
        [("client_secret".to_owned(), "a secret of 32 characters and more".to_owned().into())].into();
    let shared = Shared::new(Arc::new(SystemClock), Arc::new(SystemRandom)).unwrap();
    let settings = settings.as_object().unwrap().clone();
    Provider::create(&plugin, settings, secrets, options, &shared).await.unwrap()
}

fn changes(report: &Report) -> Vec<String> {
    report.changes.iter().map(ToString::to_string).collect()
}

fn reasons(report: &Report) -> Vec<&str> {
    report.reasons.iter().map(|reason| reason.text.as_str()).collect()
}

async fn status(world: &World) -> Status {
    Operator::new(world.app.clone(), Arc::clone(&world.reloader)).status().await
}

async fn get(url: &url::Url, cookies: &str) -> (u16, String) {
    let answer = plain_client().get(url.clone()).header("cookie", cookies).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_change_the_same_provider_serves_and_the_generation_stays() {
    let world = World::start().await;
    let before = provider(&world, "github");
    // Lines move, comments come, keys and sections change places: none of that is a change.
    let moved = format!(
        "# A remark.\n\n{}",
        text(&world).replace("label = \"GitHub\"", "\n\nlabel = \"GitHub\" # so")
    );
    let report = reload(&world, moved).await;
    assert_eq!((report.outcome, report.generation), (Outcome::Unchanged, 1), "{report:?}");
    assert_eq!(report.to_string(), "generation 1: nothing has changed");
    assert!(Arc::ptr_eq(&before, &provider(&world, "github")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_an_order_and_a_state_change_without_a_new_provider() {
    let world = World::start().await;
    let before = provider(&world, "github");
    let other = text(&world).replace("label = \"GitHub\"", "label = \"Hub\"\norder = 3");
    let report = reload(&world, &other).await;
    assert_eq!((report.outcome, report.generation), (Outcome::Done, 2));
    assert_eq!(report.to_string(), "generation 2: github with another button");
    assert!(
        plain_client().get(world.at("/login")).send().await.unwrap().text().await.unwrap().contains("Hub")
    );
    let hidden = other.replace("order = 3", "order = 3\nstate = \"hidden\"");
    assert_eq!(changes(&reload(&world, &hidden).await), ["github hidden"]);
    assert!(Arc::ptr_eq(&before, &provider(&world, "github")));
    assert_eq!(status(&world).await.providers[0].state, State::Hidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_thing_that_a_provider_is_made_from_makes_it_anew() {
    let world = World::start().await;
    register(&world, "/oauth/back");
    let mut now = text(&world);
    let mut before = provider(&world, "github");
    for (from, to) in [
        ("label = \"GitHub\"", "label = \"GitHub\"\nallow_networks = [\"10.0.0.5/32\"]"),
        ("label = \"GitHub\"", "label = \"GitHub\"\nredirect_path = \"/oauth/back\""),
        ("client_secret_file", "allowed_orgs = [\"acme\"]\nclient_secret_file"),
    ] {
        now = now.replace(from, to);
        assert_eq!(changes(&reload(&world, &now).await), ["github with new settings"], "{to}");
        let after = provider(&world, "github");
        assert!(!Arc::ptr_eq(&before, &after), "{to}");
        before = after;
    }
    // A secret is read again, and its file has the same name.
    let secret = world.folder.path().join("client-secret");
    std::fs::write(&secret, "another secret of 32 characters!").unwrap();
    assert_eq!(changes(&reload(&world, &now).await), ["github with new settings"]);
    assert_eq!(reload(&world, &now).await.outcome, Outcome::Unchanged);
    assert!(!format!("{:?}", status(&world).await).contains("another secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_changed_is_the_one_that_is_sent() {
    let world = World::start().await;
    let secret = world.folder.path().join("client-secret");
    std::fs::write(&secret, "another secret of 32 characters!").unwrap();
    assert_eq!(reload(&world, text(&world)).await.outcome, Outcome::Done);
    let refused = world.visitor().sign_in("github", Some("octavia")).await.unwrap_err();
    assert!(refused.to_string().contains("502"), "{refused}");
    std::fs::write(&secret, crate::world::CLIENT_SECRET).unwrap();
    assert_eq!(reload(&world, text(&world)).await.outcome, Outcome::Done);
    world.visitor().sign_in("github", Some("octavia")).await.unwrap();
}

on_both_databases! {
    async fn a_provider_is_added_while_a_sign_in_at_another_is_under_way(database) {
        let world = Plan::on(database).start().await;
        register(&world, "/auth/second/callback");
        let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
        let before = provider(&world, "github");
        let report = reload(&world, text(&world) + &section(&world, "second")).await;
        assert_eq!(report.to_string(), "generation 2: +second");
        assert!(Arc::ptr_eq(&before, &provider(&world, "github")));
        assert_eq!(get(&callback, &cookies).await.0, 303);
        world.visitor().sign_in("second", Some("octavia")).await.unwrap();
        let mut users: Vec<_> =
            status(&world).await.providers.into_iter().map(|row| (row.name, row.users)).collect();
        users.sort();
        assert_eq!(users, [("github".to_owned(), Some(1)), ("second".to_owned(), Some(1))]);
    }

    async fn a_provider_that_asks_for_more_than_was_accepted_refuses_the_reload_until_somebody_accepts(database) {
        let neighbours = vec![("odd", "")];
        let world = Plan { neighbours, ..Plan::on(database) }.start().await;
        let right = text(&world);
        let base = world.idp.base_url().trim_end_matches('/').to_owned();
        for (behaviour, new) in [
            ("inspect_more_hosts", "the host https://more.example".to_owned()),
            ("inspect_wider_secret", format!("`client_secret` sent to {base}/wider/…")),
        ] {
            let before = provider(&world, "odd");
            let wide = right.replace("behaviour = \"\"", &format!("behaviour = \"{behaviour}\""));
            let report = reload(&world, &wide).await;
            let said = format!(
                "`odd`: `odd` asks for more than was accepted: {new}; look at it, and if it is right, accept it with \
                 `vestibule check --accept odd`"
            );
            assert_eq!((report.outcome, reasons(&report)), (Outcome::Refused, vec![said.as_str()]));
            assert!(!report.reasons[0].in_file);
            assert!(Arc::ptr_eq(&before, &provider(&world, "odd")));
            // As `check --accept` does, by another process.
            let accepted = made(&world, "odd", behaviour).await.inspect().reach();
            assert!(world.app.store.accept(&"odd".parse().unwrap(), &accepted).await.unwrap());
            assert_eq!(changes(&reload(&world, &wide).await), ["odd with new settings"]);
            // Back to less, without a word; and what was given up is asked for again.
            assert_eq!(changes(&reload(&world, &right).await), ["odd with new settings"]);
            assert_eq!(reload(&world, &wide).await.outcome, Outcome::Refused);
        }
    }

    async fn a_start_leaves_out_the_provider_that_asks_for_more_and_serves_the_others(database) {
        let world = Plan { neighbours: vec![("odd", "")], ..Plan::on(database) }.start().await;
        let wide = text(&world).replace("behaviour = \"\"", "behaviour = \"inspect_more_hosts\"");
        let port = url::Url::parse(&world.url).unwrap().port().unwrap();
        let place = Plan::on(database);
        let again = Plan { after: Some(world.stop().await), port, config: Some(wide), ..place };
        let world = again.start().await;
        let status = status(&world).await;
        let [github, odd] = &status.providers[..] else { panic!("{status:?}") };
        assert_eq!((github.state, odd.state), (State::Enabled, State::Unavailable));
        assert!(odd.last_error.as_ref().unwrap().contains("asks for more than was accepted: the host https://more.example"));
        world.visitor().sign_in("github", Some("octavia")).await.unwrap();
    }

    async fn the_status_counts_people_and_knows_who_has_no_section_any_more(database) {
        let world = Plan::on(database).start().await;
        register(&world, "/auth/second/callback");
        reload(&world, text(&world) + &section(&world, "second")).await;
        world.clock.advance(Duration::from_secs(60));
        let at = vestibule::clock::Clock::now(&*world.clock).to_string();
        world.visitor().sign_in("second", Some("octavia")).await.unwrap();
        world.visitor().sign_in("second", Some("kai")).await.unwrap();
        let with = text(&world);
        let without = with.split("\n[provider.second]").next().unwrap();
        assert_eq!(changes(&reload(&world, without).await), ["-second"]);
        let status = status(&world).await;
        let [github, second] = &status.providers[..] else { panic!("{status:?}") };
        assert_eq!((github.state, github.users, github.last_sign_in.as_deref()), (State::Enabled, Some(0), None));
        assert_eq!((second.state, second.users), (State::Orphaned, Some(2)));
        assert_eq!(second.last_sign_in.as_deref(), Some(&*at));
        assert_eq!(second.last_error.as_deref(), Some("it has no section in the configuration"));
        assert_eq!((status.generation, status.by.as_str()), (3, "SIGHUP"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_without_a_table_refuses_the_reload_where_only_the_operator_may_make_one() {
    let world = World::start().await;
    let port = url::Url::parse(&world.url).unwrap().port().unwrap();
    let stopped = world.stop().await;
    let manual = Plan {
        sections: "[database]\nmigrate = \"manual\"\n".to_owned(),
        after: Some(stopped),
        port,
        ..Plan::default()
    };
    let world = manual.start().await;
    let report = reload(&world, text(&world) + &section(&world, "second")).await;
    assert_eq!(report.outcome, Outcome::Refused);
    assert_eq!(
        reasons(&report),
        [
            "`second`: `oauth_second` is missing, and `[database] migrate` is `manual`; run `vestibule migrate`, then start again"
        ]
    );
    assert!(!report.reasons[0].in_file);
    assert!(world.app.registry.load().get("second").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_reload_changes_nothing_and_says_everything() {
    let world = World::start().await;
    let before = provider(&world, "github");
    let right = text(&world);
    let broken = right.replace("label = \"GitHub\"", "label = \"Other\"")
        + &section(&world, "second")
        + &section(&world, "third").replace("base_url", "base_ulr")
        + &section(&world, "fourth").replace("plugin = \"github\"", "plugin = \"gitbub\"");
    let report = reload(&world, &broken).await;
    assert_eq!((report.outcome, report.generation), (Outcome::Refused, 1));
    let reasons = reasons(&report);
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons[0].contains("there is no `[plugin.gitbub]`; did you mean `github`?"), "{reasons:?}");
    assert!(reasons[1].contains("`third`: ") && reasons[1].contains("unknown key `base_ulr`"), "{reasons:?}");
    assert!(report.reasons.iter().all(|reason| reason.in_file));
    assert!(Arc::ptr_eq(&before, &provider(&world, "github")));
    assert_eq!(world.app.registry.load().get("github").unwrap().label, "GitHub");
    // Not even a table of the one that would have worked.
    assert_eq!(status(&world).await.providers.len(), 1);
    let record = world.reloader.record();
    assert_eq!((record.by, record.last.unwrap().outcome), (By::Start, Outcome::Refused));
    world.visitor().sign_in("github", Some("octavia")).await.unwrap();

    assert_eq!(reload(&world, right).await.outcome, Outcome::Unchanged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_configuration_is_refused() {
    let world = World::start().await;
    let right = text(&world);
    for (broken, said) in [
        (right.clone() + "\nx = y z\n", "not TOML"),
        (right.replace("public_url", "public_ulr"), "unknown key `public_ulr`"),
        (right.clone() + "\n[provider.Bad-Name]\ntransport = \"in-process\"\n", "is not a name"),
        (String::new(), "has no `public_url`"),
    ] {
        let report = reload(&world, broken).await;
        assert_eq!((report.outcome, report.generation), (Outcome::Refused, 1), "{said}");
        assert!(report.to_string().starts_with("reload refused, generation 1 keeps serving: "), "{report}");
        assert!(report.reasons.iter().any(|reason| reason.text.contains(said)), "{said}: {report}");
    }
    std::fs::remove_file(world.folder.path().join("config.toml")).unwrap();
    let report = world.reloader.reload(By::Signal).await;
    assert!(report.to_string().contains("cannot be read: no such file or directory"), "{report}");
    world.visitor().sign_in("github", Some("octavia")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_unavailable_before_does_not_refuse_and_is_tried_again() {
    let world = World::start().await;
    let gone = world.folder.path().join("second-secret");
    let with = text(&world)
        + &section(&world, "second").replace("\"client-secret\"", "\"second-secret\"")
        + &section(&world, "third").replace("label", "lable");
    let port = url::Url::parse(&world.url).unwrap().port().unwrap();
    // Two that cannot start are refused as long as they are new …
    assert_eq!(reasons(&reload(&world, &with).await).len(), 2);
    let again = Plan { after: Some(world.stop().await), port, config: Some(with.clone()), ..Plan::default() };
    let world = again.start().await;
    // … and stand beside the others when the server started with them.
    let report = reload(&world, format!("\n# moved\n{with}")).await;
    assert_eq!(report.outcome, Outcome::Unchanged, "{report:?}");
    assert!(report.warnings.iter().any(|warning| warning.contains("`second` is unavailable")), "{report:?}");
    let other = with.replace("label = \"GitHub\"", "label = \"Hub\"");
    assert_eq!(changes(&reload(&world, &other).await), ["github with another button"]);
    assert_eq!(
        status(&world).await.providers.iter().filter(|row| row.state == State::Unavailable).count(),
        2
    );
    std::fs::write(&gone, crate::world::CLIENT_SECRET).unwrap();
    assert_eq!(changes(&reload(&world, &other).await), ["second available again"]);
    // Changed and still broken, it does refuse.
    let worse = other.replace("lable = \"third!\"", "lable = \"third!\"\ncolour = 1");
    assert_eq!(reload(&world, worse).await.outcome, Outcome::Refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_at_a_provider_that_was_taken_away_ends_with_that_word() {
    for path in ["/auth/github/callback", "/oauth/back"] {
        let world = Plan { provider: format!("redirect_path = \"{path}\""), ..Plan::default() }.start().await;
        register(&world, path);
        let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
        assert_eq!(callback.path(), path);
        let with = text(&world);
        let without = with.split("[provider.github]").next().unwrap();
        assert_eq!(changes(&reload(&world, without).await), ["-github"]);
        let (status, page) = get(&callback, &cookies).await;
        assert_eq!(status, 404);
        assert!(page.contains("sign-in was turned off while you were signing in"), "{page}");
        assert!(page.contains("GitHub"), "people know it by its label: {page}");
        assert!(world.idp.requests_to(Endpoint::Token).is_empty());
        let begin =
            plain_client().post(world.at("/auth/github/begin")).header("sec-fetch-site", "same-origin");
        let answer = begin.send().await.unwrap();
        assert_eq!(answer.status(), 404);
        assert!(answer.text().await.unwrap().contains("turned off"));
        // It comes back, and so does the sign-in: nothing was used up.
        assert_eq!(changes(&reload(&world, &with).await), ["+github"]);
        assert_eq!(get(&callback, &cookies).await.0, 303);
        // What is gone for longer than a sign-in may take is forgotten at the next reload.
        reload(&world, without).await;
        world.clock.advance(Duration::from_secs(600));
        reload(&world, without.to_owned() + &section(&world, "second")).await;
        let (_, page) = get(&callback, &cookies).await;
        assert!(page.contains("Nothing here"), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_at_a_provider_that_was_turned_off_ends_with_that_word() {
    let world = World::start().await;
    let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
    let off = text(&world).replace("label = \"GitHub\"", "label = \"GitHub\"\nstate = \"disabled\"");
    assert_eq!(changes(&reload(&world, &off).await), ["github disabled"]);
    let (status_code, page) = get(&callback, &cookies).await;
    assert_eq!(status_code, 404);
    assert!(page.contains("sign-in was turned off while you were signing in"), "{page}");
    assert_eq!(status(&world).await.providers[0].state, State::Disabled);
    assert_eq!(changes(&reload(&world, off.replace("state = \"disabled\"", "")).await), ["github enabled"]);
    assert_eq!(get(&callback, &cookies).await.0, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_goes_on_with_a_new_provider_unless_its_identity_changed() {
    let world = World::start().await;
    let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
    let (other, other_cookies) = world.callback(&mut world.visitor(), "kai").await;
    let restricted = text(&world).replace("client_secret_file", "allowed_orgs = []\nclient_secret_file");
    assert_eq!(reload(&world, &restricted).await.outcome, Outcome::Done);
    assert_eq!(get(&callback, &cookies).await.0, 303);
    let client = restricted.replace(&format!("client_id = \"{CLIENT_ID}\""), "client_id = \"another\"");
    assert_eq!(reload(&world, &client).await.outcome, Outcome::Done);
    let (status, page) = get(&other, &other_cookies).await;
    assert_eq!(status, 400);
    assert!(page.contains("settings") && page.contains("start again"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_in_flight_are_counted_and_end_on_the_old_provider() {
    let world = Plan { slow_pause: Duration::from_millis(10), ..Plan::default() }.start().await;
    let (callback, cookies) = world.callback(&mut world.visitor(), "octavia").await;
    // The token endpoint answers byte by byte, so the reload comes in between.
    world.idp.set_fault_times(Endpoint::Token, Fault::Slow, 1);
    let old = Arc::downgrade(&provider(&world, "github"));
    let running = tokio::spawn(async move { get(&callback, &cookies).await });
    crate::process::until(|| !world.idp.requests_to(Endpoint::Token).is_empty()).await;
    let report =
        reload(&world, text(&world).replace("client_secret_file", "allowed_orgs = []\nclient_secret_file"))
            .await;
    assert_eq!(
        report.to_string(),
        "generation 2: github with new settings. 1 operation in flight ends on the old one"
    );
    assert!(old.upgrade().is_some());
    assert_eq!(running.await.unwrap().0, 303);
    crate::process::until(|| old.upgrade().is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_realm_is_refused_like_at_a_start() {
    let world = World::start().await;
    let other = text(&world)
        .replace(&format!("base_url = \"{}\"", world.idp.base_url()), "base_url = \"http://127.0.0.1:9\"");
    let report = reload(&world, other).await;
    assert_eq!(report.outcome, Outcome::Refused);
    assert!(reasons(&report)[0].contains("belongs to realm"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_sections_are_named_and_the_providers_are_reloaded() {
    let world = World::start().await;
    let other = text(&world)
        .replace("[server]", "[server]\nlisten = \"127.0.0.1:1\"\nbegin_rate = \"7/min\"")
        .replace("label = \"GitHub\"", "label = \"Hub\"")
        + "\n[session]\nidle = \"8h\"\n[signup]\nmode = \"closed\"\n";
    let report = reload(&world, &other).await;
    assert_eq!(report.outcome, Outcome::Done);
    assert_eq!(report.restart, ["[server] listen", "[server] begin_rate", "[signup] mode", "[session] idle"]);
    // What people come back to is what the server runs with.
    let moved = other
        .replace(&world.url, "https://id.example.org")
        .replace("client_secret_file", "allowed_orgs = []\nclient_secret_file");
    let report = reload(&world, &moved).await;
    assert!(report.restart.contains(&"[server] public_url".to_owned()), "{report:?}");
    world.visitor().sign_in("github", Some("octavia")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn reloads_at_once_run_one_after_the_other() {
    let world = World::start().await;
    let with = text(&world).replace("label = \"GitHub\"", "label = \"Hub\"") + &section(&world, "second");
    std::fs::write(world.folder.path().join("config.toml"), with).unwrap();
    let (a, b, c) = tokio::join!(
        world.reloader.reload(By::Signal),
        world.reloader.reload(By::Socket(0)),
        world.reloader.reload(By::Socket(7))
    );
    let mut outcomes = [a.outcome, b.outcome, c.outcome].map(|outcome| format!("{outcome:?}"));
    outcomes.sort();
    assert_eq!(outcomes, ["Done", "Unchanged", "Unchanged"]);
    assert_eq!(world.app.registry.load().generation, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_reloads_nothing() {
    let world = World::start().await;
    world.reloader.stop();
    let report = reload(&world, text(&world) + &section(&world, "second")).await;
    assert_eq!(report.to_string(), "reload refused, generation 1 keeps serving: the server is stopping");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_digest_is_the_same_for_the_same_configuration_and_knows_no_secret() {
    let world = World::start().await;
    let first = status(&world).await.configuration;
    std::fs::write(world.folder.path().join("client-secret"), "another secret of 32 characters!").unwrap();
    assert_eq!(reload(&world, format!("# a remark\n{}", text(&world))).await.outcome, Outcome::Done);
    assert_eq!(status(&world).await.configuration, first);
    reload(&world, text(&world).replace("label = \"GitHub\"", "label = \"Hub\"")).await;
    let second = status(&world).await.configuration;
    assert_ne!(second, first);
    reload(&world, text(&world).replace("client_secret_file", "allowed_orgs = [\"a\"]\nclient_secret_file"))
        .await;
    assert_ne!(status(&world).await.configuration, second);
    reload(
        &world,
        text(&world).replace("label = \"Hub\"", "label = \"GitHub\"").replace("allowed_orgs = [\"a\"]\n", ""),
    )
    .await;
    assert_eq!(status(&world).await.configuration, first);
}
