//! Hands that use no pointer.

use fantoccini::key::Key;

use super::Chromium;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn tab_and_enter_are_enough_to_come_in_and_to_leave() {
    let world = World::start().await;
    let browser = Chromium::start().await;
    browser.open(&world.url).await;
    browser.reads("Sign in").await;
    // First the way home, then the button: nothing else is in the way.
    browser.tabs_to("Sign in with GitHub", 2).await;
    browser.types(Key::Enter).await;
    browser.reads("Choose who you are").await;
    browser.tabs_to("Octavia Hubbard octavia", 1).await;
    browser.types(Key::Enter).await;
    browser.arrives(world.at("/account")).await;
    browser.reads("Octavia Hubbard").await;
    browser.tabs_to("Sign out", 2).await;
    browser.types(Key::Enter).await;
    browser.arrives(world.at("/login?notice=signed-out")).await;
    assert_eq!(world.count("sessions").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_preselected_button_has_the_focus_at_once() {
    let world = World::start().await;
    let browser = Chromium::start().await;
    browser.open(world.at("/login?provider=github")).await;
    browser.sees("button.preselected:focus").await;
    browser.types(Key::Enter).await;
    browser.reads("Choose who you are").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_page_is_left_by_its_one_button() {
    let world = World::start().await;
    let browser = Chromium::start().await;
    browser.open(world.at("/auth/github/callback?error=access_denied")).await;
    browser.reads("Begun in another browser").await;
    browser.tabs_to("Start again", 2).await;
    browser.types(Key::Enter).await;
    browser.reads("Sign in").await;
}
