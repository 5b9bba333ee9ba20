//! Sign-ins that must end on a page that says so, and how a person gets on from there.

use super::Chromium;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cancels_at_the_provider_reads_that_and_can_try_again() {
    let world = World::start().await;
    let browser = Chromium::start().await;
    browser.open(world.at("/login?return_to=%2Faccount%3Fx%3D1")).await;
    browser.presses("Sign in with GitHub").await;
    browser.presses("Cancel").await;
    world.is_refused(&browser, "Sign-in cancelled").await;
    assert!(browser.text(".lede").await.contains("GitHub"));
    assert_eq!(world.count("users").await, 0);
    browser.sees("a.button").await.click().await.unwrap();
    browser.presses("Sign in with GitHub").await;
    world.chooses(&browser, "octavia").await;
    browser.reads("Octavia Hubbard").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_begun_in_another_browser_is_refused_and_still_good_in_its_own() {
    let world = World::start().await;
    let (own, other) = tokio::join!(Chromium::start(), Chromium::start());
    let callback = world.callback_of(&own, "octavia").await;
    other.open(&callback).await;
    world.is_refused(&other, "Begun in another browser").await;
    // Having a cookie of one's own does not help.
    world.walks_to_the_provider(&other).await;
    other.open(&callback).await;
    world.is_refused(&other, "This sign-in is over").await;
    own.open(&callback).await;
    own.arrives(world.at("/account")).await;
    own.reads("Octavia Hubbard").await;
}
