//! What Chromium's console has to say: nothing, unless something was really forbidden.

use super::Chromium;
use super::form_post::Stranger;
use crate::world::World;

/// Asks for a picture, and answers with `load`, `error`, or the directive that forbade it.
fn picture(url: &str) -> String {
    format!(
        "const done = arguments[0], image = new Image(); \
         document.addEventListener('securitypolicyviolation', e => done(e.effectiveDirective)); \
         image.onload = () => done('load'); image.src = '{url}';"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_breaks_its_own_policy() {
    let world = World::start().await;
    let browser = Chromium::start().await;
    world.signs_in(&browser, "octavia").await;
    // The picture came, from the provider's origin.
    browser.sees(".avatar img").await;
    let loaded = "const done = arguments[0], i = document.querySelector('.avatar img'); \
         i.decode().then(() => done(i.naturalWidth), e => done(String(e)))";
    assert_eq!(browser.runs_until_called(loaded).await, 96);
    browser.presses("Sign out").await;
    browser.reads("Sign in").await;
    let callback = world.callback_of(&browser, "kai").await;
    let provider = Stranger::posting(&callback).await;
    browser.open(&provider.url).await;
    browser.arrives(world.at("/account")).await;
    assert_eq!(world.complaints(&browser).await, Vec::<String>::new());

    // Error pages: the console notes the status, and nothing else.
    for path in ["/nowhere", "/auth/github/callback?code=x&state=y", "/auth/nobody/callback"] {
        browser.open(world.at(path)).await;
        browser.sees(".id code").await;
        let said = world.complaints(&browser).await;
        assert!(said.len() == 1 && said[0].contains("responded with a status of 4"), "{path}: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_come_from_where_each_page_says() {
    let world = World::start().await;
    let browser = Chromium::start().await;
    let at_provider = format!("{}/avatars/u/583231?v=4", world.idp.base_url());
    browser.open(world.at("/login")).await;
    assert_eq!(browser.runs_until_called(&picture(&at_provider)).await, "img-src");
    // The console tells of it: a silent one means something.
    let said = browser.console().await;
    assert!(said.iter().any(|line| line.contains("Content Security Policy")), "{said:?}");
    world.signs_in(&browser, "octavia").await;
    assert_eq!(browser.runs_until_called(&picture(&at_provider)).await, "load");
    // Plain http is for loopback alone.
    let elsewhere = picture("http://avatars.example/u/1");
    assert_eq!(browser.runs_until_called(&elsewhere).await, "img-src");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_in_the_page_would_not_run_and_a_frame_would_stay_empty() {
    let world = World::start().await;
    let browser = Chromium::start().await;
    for path in ["/login", "/account"] {
        if path == "/account" {
            world.signs_in(&browser, "octavia").await;
        }
        browser.open(world.at(path)).await;
        let inject = "const done = arguments[0]; window.ran = false; \
             document.addEventListener('securitypolicyviolation', e => done([e.effectiveDirective, window.ran])); \
             const s = document.createElement('script'); s.textContent = 'window.ran = true'; \
             document.body.append(s);";
        let blocked = browser.runs_until_called(inject).await;
        assert_eq!(blocked, serde_json::json!(["script-src-elem", false]), "{path}");
    }
    assert!(is_blocked_in_a_frame(&browser, world.at("/account").as_str()).await);
    assert!(is_blocked_in_a_frame(&browser, world.at("/login").as_str()).await);
    // The control: what says nothing about frames is shown in one.
    let open = Stranger::showing("<h1>open</h1>").await;
    assert!(!is_blocked_in_a_frame(&browser, &open.url).await);
}

/// Whether another site that frames this address shows the browser's own error page in its place.
async fn is_blocked_in_a_frame(browser: &Chromium, url: &str) -> bool {
    let framing = Stranger::showing(&format!("<h1>frame</h1><iframe src=\"{url}\"></iframe>")).await;
    browser.open(&framing.url).await;
    browser.reads("frame").await;
    browser.client.enter_frame(0).await.unwrap();
    let shown = browser.runs("return document.URL").await;
    browser.client.enter_parent_frame().await.unwrap();
    shown == "chrome-error://chromewebdata/"
}
