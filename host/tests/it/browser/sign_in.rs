//! In, out, and in again.

use super::Chromium;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn two_people_sign_in_one_after_the_other_and_nobody_becomes_a_third() {
    let world = World::start().await;
    let browser = Chromium::start().await;
    world.signs_in(&browser, "octavia").await;
    browser.reads("Octavia Hubbard").await;
    assert_eq!(browser.text(".facts dd").await, "octavia");

    browser.presses("Sign out").await;
    browser.arrives(world.at("/login?notice=signed-out")).await;
    assert_eq!(browser.text("[role=status]").await, "You are signed out.");
    assert_eq!(world.count("sessions").await, 0);

    world.signs_in(&browser, "kai").await;
    browser.reads("kai").await;
    for table in ["users", "identities", "oauth_github"] {
        assert_eq!(world.count(table).await, 2, "{table}");
    }

    browser.presses("Sign out").await;
    world.signs_in(&browser, "octavia").await;
    browser.reads("Octavia Hubbard").await;
    for table in ["users", "identities", "oauth_github"] {
        assert_eq!(world.count(table).await, 2, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_wanted_to_go_somewhere_arrives_there() {
    let world = World::start().await;
    let browser = Chromium::start().await;
    // A page for signed-in people leads to the sign-in, and back.
    browser.open(world.at("/account")).await;
    browser.arrives(world.at("/login?return_to=/account&notice=sign-in-first")).await;
    assert_eq!(browser.text("[role=status]").await, "Please sign in to continue.");
    browser.open(world.at("/login?return_to=%2Faccount%3Ftab%3D%25E4%25BD%2590%26x%3D1")).await;
    browser.presses("Sign in with GitHub").await;
    world.chooses(&browser, "octavia").await;
    browser.arrives(world.at("/account?tab=%E4%BD%90&x=1")).await;
    browser.reads("Octavia Hubbard").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_sent_to_another_site() {
    let world = World::start().await;
    let browser = Chromium::start().await;
    let stranger = world.idp.base_url().to_owned();
    for (n, target) in [stranger.clone(), stranger.replace("http:", ""), stranger.replace("http://", "/\\")]
        .into_iter()
        .enumerate()
    {
        let mut login = world.at("/login");
        login.query_pairs_mut().append_pair("return_to", &target);
        browser.open(&login).await;
        browser.presses("Sign in with GitHub").await;
        world.chooses(&browser, "octavia").await;
        browser.arrives(world.at("/account")).await;
        assert_eq!(world.count("sessions").await, 1, "{n}");
        browser.presses("Sign out").await;
        browser.arrives(world.at("/login?notice=signed-out")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_by_itself_never_starts_a_sign_in() {
    let world = World::start().await;
    let browser = Chromium::start().await;
    browser.open(world.at("/login?provider=github")).await;
    browser.sees(".provider.preselected").await;
    browser.arrives(world.at("/login?provider=github")).await;
    browser.open(world.at("/auth/github/begin")).await;
    browser.reads("Not this way").await;
    assert_eq!(world.count("login_attempts").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_on_another_site_cannot_start_a_sign_in_or_end_a_session() {
    let world = World::start().await;
    let browser = Chromium::start().await;
    world.signs_in(&browser, "octavia").await;
    let attempts = world.count("login_attempts").await;
    for path in ["/auth/github/begin", "/logout"] {
        let form = [("x".to_owned(), "1".to_owned())];
        let stranger = super::form_post::Stranger::start(world.at(path), &form).await;
        browser.open(&stranger.url).await;
        browser.reads("This came from another site").await;
    }
    assert_eq!(world.count("login_attempts").await, attempts);
    assert_eq!(world.count("sessions").await, 1);
    browser.open(&world.url).await;
    browser.reads("Octavia Hubbard").await;
}
