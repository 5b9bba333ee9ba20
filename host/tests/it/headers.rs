//! What every answer carries, whatever it is (row 89e of docs/security.md).

use reqwest::{Method, Response};
use vestibule_demo_idp::Endpoint;
use vestibule_demo_idp::visitor::forms;

use crate::world::{Plan, World, plain_client};

const SESSION: &str = "__Host-vestibule_session";

/// What an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Page,
    Account,
    SelfSending,
    Redirect,
    Json,
    Text,
    Nothing,
    Css,
    Svg,
}

/// Whether a cookie comes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sets {
    Nothing,
    Session,
    Browser,
}

struct Seen {
    what: String,
    status: u16,
    kind: Kind,
    sets: Sets,
    answer: Response,
}

/// A request to every route and for every way it can end.
async fn every_answer(world: &World, working: bool) -> Vec<Seen> {
    use Kind::{Account, Css, Json, Nothing, Page, Redirect, SelfSending, Svg, Text};
    let client = plain_client();
    let css = vestibule::web::assets::path_of("vestibule.css").unwrap();
    let assets = vestibule::web::assets::all();
    let svg = assets.iter().find(|asset| asset.content_type == "image/svg+xml").unwrap().path.as_str();

    let mut session = String::new();
    if working {
        let mut visitor = world.visitor();
        visitor.sign_in("github", Some("octavia")).await.unwrap();
        session = format!("{SESSION}={}", visitor.browser().cookies.value("localhost", SESSION).unwrap());
    }
    let long = "a".repeat(65 * 1024);
    let table: Vec<(Method, &str, u16, Kind, Sets)> = vec![
        (Method::GET, "/", 303, Redirect, Sets::Nothing),
        (Method::HEAD, "/", 303, Redirect, Sets::Nothing),
        (Method::GET, "/login", 200, Page, Sets::Nothing),
        (Method::GET, "/login?provider=github&return_to=/a&notice=signed-out", 200, Page, Sets::Nothing),
        (Method::HEAD, "/login", 200, Page, Sets::Nothing),
        (Method::GET, "/account", 303, Redirect, Sets::Nothing),
        (Method::GET, "/auth/github/begin", 405, Page, Sets::Nothing),
        (Method::POST, "/auth/nobody/begin", 404, Page, Sets::Nothing),
        (Method::POST, "/auth/%ff/begin", 404, Page, Sets::Nothing),
        (Method::HEAD, "/auth/github/callback", 405, Page, Sets::Nothing),
        (Method::GET, "/auth/nobody/callback", 404, Page, Sets::Nothing),
        (Method::GET, "/auth/github/callback?state=a&code=b", 200, SelfSending, Sets::Nothing),
        (Method::GET, "/auth/github/callback?state=a&state=b", 400, Page, Sets::Nothing),
        (Method::POST, "/auth/github/callback", 400, Page, Sets::Nothing),
        (Method::GET, "/logout", 405, Page, Sets::Nothing),
        (Method::POST, "/logout", 303, Redirect, Sets::Session),
        (Method::GET, "/nowhere", 404, Page, Sets::Nothing),
        (Method::GET, "/favicon.ico", 404, Page, Sets::Nothing),
        (Method::OPTIONS, "/login", 405, Page, Sets::Nothing),
        (Method::GET, css, 200, Css, Sets::Nothing),
        (Method::HEAD, css, 200, Css, Sets::Nothing),
        (Method::GET, svg, 200, Svg, Sets::Nothing),
        (Method::GET, "/assets/provider/github", 200, Svg, Sets::Nothing),
        (Method::GET, "/assets/provider/nobody", 404, Page, Sets::Nothing),
        (Method::GET, "/assets/vestibule.css", 404, Page, Sets::Nothing),
        (Method::GET, "/api/v1/me", 401, Json, Sets::Nothing),
        (Method::POST, "/api/v1/me", 405, Json, Sets::Nothing),
        (Method::GET, "/api/v1/nothing", 404, Json, Sets::Nothing),
        (Method::POST, "/api/v1/session/begin?provider=nobody", 404, Json, Sets::Nothing),
        (Method::POST, "/api/v1/session/begin?provider=a&provider=b", 400, Json, Sets::Nothing),
        (Method::DELETE, "/api/v1/session", 204, Nothing, Sets::Session),
        (Method::GET, "/.vestibule/check", 401, Nothing, Sets::Nothing),
        (Method::OPTIONS, "/.vestibule/check", 405, Json, Sets::Nothing),
        (Method::GET, "/healthz", 200, Text, Sets::Nothing),
        (Method::GET, "/readyz", 200, Text, Sets::Nothing),
    ];
    let mut seen = Vec::new();
    let mut add =
        |what: String, status, kind, sets, answer| seen.push(Seen { what, status, kind, sets, answer });
    for (method, path, status, kind, sets) in table {
        let request = client.request(method.clone(), world.at(path)).header("sec-fetch-site", "same-origin");
        add(format!("{method} {path}"), status, kind, sets, request.send().await.unwrap());
    }
    for (path, kind) in
        [("/logout", Page), ("/auth/github/begin", Page), ("/api/v1/session/begin?provider=github", Json)]
    {
        let request = client.post(world.at(path)).header("sec-fetch-site", "same-origin").body(long.clone());
        add(format!("long {path}"), 413, kind, Sets::Nothing, request.send().await.unwrap());
        let request = client.post(world.at(path)).header("sec-fetch-site", "cross-site");
        add(format!("cross-site {path}"), 403, kind, Sets::Nothing, request.send().await.unwrap());
    }
    let request = client.get(world.at("/login")).header("host", "a").header("host", "b");
    add("two hosts".to_owned(), 400, Page, Sets::Nothing, request.send().await.unwrap());
    let etag = assets.iter().find(|asset| asset.path == css).unwrap().etag.clone();
    let request = client.get(world.at(css)).header("if-none-match", etag);
    add("known css".to_owned(), 304, Css, Sets::Nothing, request.send().await.unwrap());
    if working {
        for (path, status, kind) in [
            ("/", 303, Redirect),
            ("/login?return_to=/wiki", 303, Redirect),
            ("/account", 200, Account),
            ("/api/v1/me", 200, Json),
            ("/.vestibule/check", 200, Nothing),
        ] {
            let request = client.get(world.at(path)).header("cookie", &session);
            add(format!("signed in {path}"), status, kind, Sets::Nothing, request.send().await.unwrap());
        }
        let post = |path: &str| client.post(world.at(path)).header("sec-fetch-site", "same-origin").send();
        let begin = post("/auth/github/begin").await.unwrap();
        add("begin".to_owned(), 303, Redirect, Sets::Browser, begin);
        let begin = post("/api/v1/session/begin?provider=github").await.unwrap();
        add("begin in JSON".to_owned(), 200, Json, Sets::Browser, begin);
        let (callback, cookies) = world.callback(&mut world.visitor(), "kai").await;
        let answer = client.get(callback).header("cookie", cookies).send().await.unwrap();
        add("callback".to_owned(), 303, Redirect, Sets::Session, answer);
        world.idp.set_fault_times(Endpoint::Token, vestibule_demo_idp::Fault::Html, 1);
        let (callback, cookies) = world.callback(&mut world.visitor(), "kai").await;
        let answer = client.get(callback).header("cookie", cookies).send().await.unwrap();
        add("failed callback".to_owned(), 502, Page, Sets::Nothing, answer);
    }
    // Last, since nothing works any more.
    world.app.store.close().await;
    for (path, kind) in [
        ("/account", Page),
        ("/login", Page),
        ("/api/v1/me", Json),
        ("/.vestibule/check", Json),
        ("/readyz", Text),
    ] {
        let request = client.get(world.at(path)).header("cookie", format!("{SESSION}={}", "a".repeat(43)));
        add(format!("no database {path}"), 503, kind, Sets::Nothing, request.send().await.unwrap());
    }
    seen
}

fn header<'a>(seen: &'a Seen, name: &str) -> Option<&'a str> {
    let mut values = seen.answer.headers().get_all(name).iter();
    let value = values.next()?.to_str().unwrap();
    assert!(values.next().is_none(), "{}: two of `{name}`", seen.what);
    Some(value)
}

fn check(seen: &Seen) {
    let what = &seen.what;
    assert_eq!(seen.answer.status().as_u16(), seen.status, "{what}");
    let is_page = matches!(seen.kind, Kind::Page | Kind::Account | Kind::SelfSending);
    let is_file = matches!(seen.kind, Kind::Css | Kind::Svg);

    let policy = header(seen, "content-security-policy").unwrap_or_else(|| panic!("{what}: no policy"));
    let directives: Vec<&str> = policy.split("; ").collect();
    for directive in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(directives.contains(&directive), "{what}: {policy}");
    }
    for word in ["unsafe", "data:", "blob:", "form-action"] {
        assert!(!policy.contains(word), "{what}: {policy}");
    }
    assert!(policy.split([' ', ';']).all(|source| source != "*"), "{what}: {policy}");
    let script = directives.iter().find(|directive| directive.starts_with("script-src"));
    // The account page hides itself when a browser shows it again after a sign-out.
    let has_script = matches!(seen.kind, Kind::SelfSending | Kind::Account);
    assert_eq!(script.is_some(), has_script, "{what}: {policy}");
    assert!(script.is_none_or(|script| script.starts_with("script-src 'sha256-")), "{policy}");
    assert_eq!(directives.contains(&"sandbox"), is_file, "{what}: {policy}");

    assert_eq!(header(seen, "x-content-type-options"), Some("nosniff"), "{what}");
    assert_eq!(header(seen, "x-request-id").map(str::len), Some(16), "{what}");
    for absent in ["server", "x-powered-by", "access-control-allow-origin", "via"] {
        assert_eq!(header(seen, absent), None, "{what}");
    }

    let expected = match seen.kind {
        Kind::Page | Kind::Account | Kind::SelfSending => Some("text/html; charset=utf-8"),
        Kind::Json => Some("application/json"),
        Kind::Text => Some("text/plain; charset=utf-8"),
        Kind::Css => Some("text/css; charset=utf-8"),
        Kind::Svg => Some("image/svg+xml"),
        Kind::Redirect | Kind::Nothing => None,
    };
    assert_eq!(header(seen, "content-type"), expected, "{what}");
    let referrer = match seen.kind {
        Kind::Redirect => Some("no-referrer"),
        _ => is_page.then_some("same-origin"),
    };
    assert_eq!(header(seen, "referrer-policy"), referrer, "{what}");
    assert_eq!(header(seen, "cross-origin-opener-policy"), is_page.then_some("same-origin"), "{what}");
    let caching = header(seen, "cache-control").unwrap();
    if is_file {
        let kept = ["public, max-age=31536000, immutable", "public, no-cache"];
        assert_eq!(caching, kept[usize::from(what.contains("/provider/"))], "{what}");
    } else {
        assert_eq!(caching, "no-store", "{what}");
    }
    assert_eq!(header(seen, "location").is_some(), seen.kind == Kind::Redirect, "{what}");
    assert_eq!(header(seen, "allow").is_some(), seen.status == 405, "{what}");

    let cookie = header(seen, "set-cookie");
    match seen.sets {
        Sets::Nothing => assert_eq!(cookie, None, "{what}"),
        Sets::Session => assert!(cookie.unwrap().starts_with("__Host-vestibule_session="), "{what}"),
        Sets::Browser => assert!(cookie.unwrap().starts_with("__Host-vestibule_browser="), "{what}"),
    }
    if let Some(cookie) = cookie {
        assert!(
            cookie.contains("; HttpOnly; SameSite=Lax; Secure; Path=/") && !cookie.contains("Domain"),
            "{cookie}"
        );
    }
}

const ICON: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";

/// A world whose provider has an icon of its own, with a script in it.
async fn world(plan: Plan) -> World {
    let folder = tempfile::tempdir().unwrap();
    let icon = folder.path().join("icon.svg");
    std::fs::write(&icon, ICON).unwrap();
    let provider = format!("icon = \"{}\"", icon.display());
    Plan { provider, ..plan }.start().await
}

#[tokio::test]
async fn every_answer_has_the_headers_of_its_kind() {
    let world = world(Plan::default()).await;
    let answers = every_answer(&world, true).await;
    assert!(answers.len() > 55, "{}", answers.len());
    for seen in &answers {
        check(seen);
        // On plain http a browser ignores it, and on localhost it would lock other programs out.
        assert_eq!(header(seen, "strict-transport-security"), None, "{}", seen.what);
    }
}

#[tokio::test]
async fn behind_https_every_answer_says_so_for_a_year() {
    let public_url = Some("https://id.example.org".to_owned());
    let world = world(Plan { public_url, ..Plan::default() }).await;
    for seen in every_answer(&world, false).await {
        check(&seen);
        assert_eq!(header(&seen, "strict-transport-security"), Some("max-age=31536000"), "{}", seen.what);
    }
}

#[tokio::test]
async fn request_ids_are_the_servers_and_each_is_another() {
    let world = World::start().await;
    let mut ids = std::collections::HashSet::new();
    for _ in 0..20 {
        let request = plain_client().get(world.at("/healthz")).header("x-request-id", "mine");
        let id = request.send().await.unwrap().headers()["x-request-id"].to_str().unwrap().to_owned();
        assert!(id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7')), "{id}");
        assert!(ids.insert(id));
    }
}

#[tokio::test]
async fn the_id_on_an_error_page_is_the_one_in_the_header() {
    let world = World::start().await;
    let answer = plain_client().get(world.at("/nowhere")).send().await.unwrap();
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert!(answer.text().await.unwrap().contains(&id));
}

#[tokio::test]
async fn an_operators_icon_is_shown_as_a_picture_and_never_written_into_a_page() {
    let world = world(Plan::default()).await;
    let page = plain_client().get(world.at("/login")).send().await.unwrap().text().await.unwrap();
    assert!(
        page.contains("<img") && page.contains("src=\"&#x2f;assets&#x2f;provider&#x2f;github\""),
        "{page}"
    );
    assert!(!page.contains("<script") && !page.contains("alert(1)"), "{page}");
    assert_eq!(forms(&page).len(), 1);
    let icon = plain_client().get(world.at("/assets/provider/github")).send().await.unwrap();
    assert_eq!(
        icon.headers()["content-security-policy"],
        "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox"
    );
    assert_eq!(icon.headers()["cross-origin-resource-policy"], "same-origin");
    assert_eq!(icon.text().await.unwrap(), ICON);
}
