//! The metrics: closed sets that nothing from outside can widen, on a listener of their own.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use http::Request;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tower::ServiceExt as _;
use vestibule::address::Peer;
use vestibule::metrics;
use vestibule::plugin::TransportKind;
use vestibule::registry::Registry;
use vestibule::router::router;
use vestibule_demo_idp::{Endpoint, Fault};

use crate::database::everywhere;
use crate::faults::journey::{Journey, Seen};
use crate::faults::plugins::{NEIGHBOUR, sign_in};
use crate::world::{Plan, World, plain_client};

/// Asks the real listener once.
pub(crate) async fn asked(world: &World, method: &str, path: &str) -> Seen {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}{path}", listener.local_addr().unwrap());
    let (end, ended) = oneshot::channel::<()>();
    let serving = tokio::spawn(metrics::serve(listener, Arc::clone(&world.app), async {
        let _ = ended.await;
    }));
    let answer = plain_client().request(method.parse().unwrap(), url).send().await.unwrap();
    let answer = Seen::of(answer).await;
    end.send(()).unwrap();
    serving.await.unwrap();
    answer
}

pub(crate) async fn page(world: &World) -> String {
    asked(world, "GET", "/metrics").await.text()
}

/// Names and labels, without values.
fn series(page: &str) -> BTreeSet<String> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

fn value(page: &str, series: &str) -> f64 {
    let found = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no `{series}` in {page}")).parse().unwrap()
}

everywhere! {
    async fn a_sign_in_is_counted_from_the_button_to_the_session(place) {
        let world = Plan { neighbours: vec![(NEIGHBOUR, "")], ..Plan::on(place) }.start().await;
        let before = page(&world).await;
        for _ in 0..2 {
            assert_eq!(Journey::walk(&world, "github", "octavia").await.end.unwrap().status, 303);
        }
        world.idp.set_fault(Endpoint::Token, Fault::Reset);
        Journey::walk(&world, "github", "octavia").await;
        sign_in(&world, "panic").await;
        let after = page(&world).await;
        for (series, count) in [
            ("vestibule_sign_in_begins_total{provider=\"github\",outcome=\"ok\"}", 3.0),
            ("vestibule_sign_ins_total{provider=\"github\",outcome=\"ok\"}", 2.0),
            ("vestibule_sign_ins_total{provider=\"github\",outcome=\"provider_unreachable\"}", 1.0),
            ("vestibule_sign_ins_total{provider=\"odd\",outcome=\"provider_failed\"}", 1.0),
            ("vestibule_users_created_total{provider=\"github\"}", 1.0),
            ("vestibule_operations_total{provider=\"github\",operation=\"complete\",outcome=\"ok\"}", 2.0),
            ("vestibule_operations_total{provider=\"github\",operation=\"complete\",outcome=\"provider_down\"}", 1.0),
            ("vestibule_operations_total{provider=\"odd\",operation=\"complete\",outcome=\"panic\"}", 1.0),
            ("vestibule_operation_duration_seconds_count{provider=\"github\",operation=\"begin\"}", 3.0),
            ("vestibule_operation_duration_seconds_bucket{provider=\"github\",operation=\"begin\",le=\"+Inf\"}", 3.0),
            ("vestibule_operations_running{provider=\"github\"}", 0.0),
            ("vestibule_provider_requests_total{provider=\"github\",outcome=\"unreachable\"}", 1.0),
            ("vestibule_http_requests_total{route=\"/auth/{provider}/callback\",status=\"3xx\"}", 2.0),
            ("vestibule_http_requests_total{route=\"/auth/{provider}/callback\",status=\"5xx\"}", 2.0),
            ("vestibule_provider_state{provider=\"github\",state=\"usable\"}", 1.0),
            ("vestibule_registry_generation", 1.0),
        ] {
            assert_eq!(value(&after, series), count, "{series}");
        }
        assert!(value(&after, "vestibule_provider_requests_total{provider=\"github\",outcome=\"2xx\"}") >= 4.0);
        assert_eq!(series(&before), series(&after), "everything is there from the start");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_unknown_paths_methods_and_providers_adds_no_series() {
    let world =
        Plan { neighbours: vec![(NEIGHBOUR, "")], ..Plan::on(TransportKind::InProcess) }.start().await;
    let before = page(&world).await;
    let router = router(Arc::clone(&world.app));
    for n in 0..10_000 {
        let (method, path) = match n % 5 {
            0 => ("GET", format!("/nowhere/{n}?x={n}")),
            1 => ("POST", format!("/auth/provider{n}/begin")),
            2 => ("GET", format!("/auth/provider{n}/callback?code=c{n}&state=s{n}")),
            3 => (["PUT", "BREW", "PATCH", "TRACE"][n / 5 % 4], "/login".to_owned()),
            _ => ("GET", format!("/assets/provider/p{n}")),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", format!("h{n}.example"))
            .header("user-agent", format!("agent-{n}"))
            .header("sec-fetch-site", "same-origin")
            .extension(Peer(([127, 0, 0, 1], 1).into()))
            .body(Body::empty())
            .unwrap();
        let Ok(response) = router.clone().oneshot(request).await;
        assert!(response.status().is_client_error(), "{n}: {}", response.status());
    }
    let after = page(&world).await;
    assert_eq!(series(&before), series(&after));
    let others = ["2xx", "4xx"].map(|class| {
        value(&after, &format!("vestibule_http_requests_total{{route=\"other\",status=\"{class}\"}}"))
    });
    assert_eq!(others, [0.0, 2_000.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_removed_takes_its_series_along_and_leaves_the_others() {
    let world =
        Plan { neighbours: vec![(NEIGHBOUR, "")], ..Plan::on(TransportKind::InProcess) }.start().await;
    sign_in(&world, "panic").await;
    assert_eq!(Journey::walk(&world, "github", "octavia").await.end.unwrap().status, 303);
    let before = series(&page(&world).await);
    // As a reload that takes all but GitHub away.
    let registry = world.app.registry.load_full();
    let github = Arc::clone(registry.get("github").unwrap());
    drop(registry);
    world.app.registry.store(Arc::new(Registry::of(2, [github])));
    let page = page(&world).await;
    let after = series(&page);
    assert!(before.iter().any(|series| series.contains("provider=\"odd\"")));
    let expected = before.into_iter().filter(|series| !series.contains("provider=\"odd\""));
    assert_eq!(after, expected.collect());
    assert_eq!(value(&page, "vestibule_sign_ins_total{provider=\"github\",outcome=\"ok\"}"), 1.0);
    assert_eq!(value(&page, "vestibule_registry_generation"), 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_are_one_page_on_their_own_listener_and_nowhere_else() {
    let world = World::start().await;
    let public = plain_client().get(world.at("/metrics")).send().await.unwrap();
    assert_eq!(public.status(), 404);
    for (method, path, status) in
        [("GET", "/", 404), ("GET", "/login", 404), ("GET", "/metrics/", 404), ("POST", "/metrics", 405)]
    {
        assert_eq!(asked(&world, method, path).await.status, status, "{method} {path}");
    }
    let answer = asked(&world, "GET", "/metrics").await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    for line in answer.text().lines() {
        let name = line.strip_prefix("# HELP ").or(line.strip_prefix("# TYPE ")).unwrap_or(line);
        assert!(name.starts_with("vestibule_"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_the_database_and_questions_of_sessions_are_counted() {
    let world = World::start().await;
    world.app.sessions.current(None).await.unwrap();
    world.app.sessions.current(Some("nobody's")).await.unwrap();
    world.app.store.close().await;
    world.app.sessions.current(Some("nobody's")).await.unwrap_err();
    let page = page(&world).await;
    for result in ["absent", "ended", "error"] {
        assert_eq!(value(&page, &format!("vestibule_session_checks_total{{result=\"{result}\"}}")), 1.0);
    }
    let errors: f64 = page
        .lines()
        .filter(|line| line.starts_with("vestibule_database_errors_total{"))
        .map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap())
        .sum();
    assert_eq!(errors, 1.0);
}
