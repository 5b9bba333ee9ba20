//! What Chromium makes of the two cookies.

use std::collections::BTreeSet;

use fantoccini::cookies::Cookie;

use super::Chromium;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn both_cookies_are_bound_to_this_host_and_hidden_from_scripts() {
    let world = World::start().await;
    let browser = Chromium::start().await;
    world.signs_in(&browser, "octavia").await;
    let cookies = browser.client.get_all_cookies().await.unwrap();
    let names: BTreeSet<_> = cookies.iter().map(Cookie::name).collect();
    assert_eq!(names, BTreeSet::from(["__Host-vestibule_browser", "__Host-vestibule_session"]));
    for cookie in &cookies {
        let name = cookie.name();
        assert_eq!(cookie.secure(), Some(true), "{name}");
        assert_eq!(cookie.http_only(), Some(true), "{name}");
        assert_eq!(cookie.same_site().map(|site| site.to_string()).as_deref(), Some("Lax"), "{name}");
        assert_eq!(cookie.path(), Some("/"), "{name}");
        // With a Domain attribute it would read `.localhost`.
        assert_eq!(cookie.domain(), Some("localhost"), "{name}");
    }
    assert_eq!(browser.runs("return document.cookie").await, "");
    // The control: what is not hidden is read.
    assert_eq!(browser.runs("document.cookie = 'seen=1'; return document.cookie").await, "seen=1");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_cookie_changes_at_sign_in_and_goes_at_sign_out() {
    let world = World::start().await;
    let browser = Chromium::start().await;
    let session = async || {
        let cookies = browser.client.get_all_cookies().await.unwrap();
        cookies
            .into_iter()
            .find(|cookie| cookie.name() == "__Host-vestibule_session")
            .map(|cookie| cookie.value().to_owned())
    };
    world.walks_to_the_provider(&browser).await;
    browser.open(&world.url).await;
    assert_eq!(session().await, None, "beginning gives no session");
    world.signs_in(&browser, "octavia").await;
    let first = session().await.unwrap();
    browser.presses("Sign out").await;
    browser.arrives(world.at("/login?notice=signed-out")).await;
    assert_eq!(session().await, None);
    world.signs_in(&browser, "octavia").await;
    assert_ne!(session().await.unwrap(), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ended_elsewhere_is_over_in_the_browser() {
    let world = World::start().await;
    let browser = Chromium::start().await;
    world.signs_in(&browser, "octavia").await;
    world.clock.advance(std::time::Duration::from_secs(8 * 24 * 3600));
    browser.client.refresh().await.unwrap();
    browser.arrives(world.at("/login?return_to=/account&notice=session-ended")).await;
}
