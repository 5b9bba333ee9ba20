//! More than one tab, and the buttons of the browser itself.

use super::Chromium;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_in_several_tabs_do_not_disturb_each_other() {
    let world = World::start().await;
    let browser = Chromium::start().await;
    let mut tabs = vec![browser.client.window().await.unwrap()];
    for _ in 0..2 {
        tabs.push(browser.client.new_window(true).await.unwrap().handle);
    }
    for tab in &tabs {
        browser.client.switch_to_window(tab.clone()).await.unwrap();
        world.walks_to_the_provider(&browser).await;
    }
    assert_eq!(world.count("login_attempts").await, 3);
    for tab in tabs.iter().rev() {
        browser.client.switch_to_window(tab.clone()).await.unwrap();
        world.chooses(&browser, "octavia").await;
        browser.arrives(world.at("/account")).await;
        browser.reads("Octavia Hubbard").await;
    }
    assert_eq!(world.count("users").await, 1);
    assert_eq!(world.count("sessions").await, 1, "one browser has one session");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_in_one_tab_is_signing_out_in_all() {
    let world = World::start().await;
    let browser = Chromium::start().await;
    world.signs_in(&browser, "octavia").await;
    let first = browser.client.window().await.unwrap();
    let second = browser.client.new_window(true).await.unwrap().handle;
    browser.client.switch_to_window(second).await.unwrap();
    browser.open(world.at("/account")).await;
    browser.presses("Sign out").await;
    browser.arrives(world.at("/login?notice=signed-out")).await;
    browser.client.switch_to_window(first).await.unwrap();
    browser.client.refresh().await.unwrap();
    browser.arrives(world.at("/login?return_to=/account&notice=sign-in-first")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_back_button_after_signing_in_neither_signs_out_nor_uses_the_answer_twice() {
    let world = World::start().await;
    let browser = Chromium::start().await;
    world.signs_in(&browser, "octavia").await;
    // The answer's address is not in the history: it was redirected.
    browser.client.back().await.unwrap();
    browser.reads("Choose who you are").await;
    world.chooses(&browser, "octavia").await;
    browser.reads("This sign-in is over").await;
    assert_eq!(world.count("sessions").await, 1);
    browser.sees("a.button").await.click().await.unwrap();
    browser.arrives(world.at("/account")).await;
    browser.reads("Octavia Hubbard").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_back_button_after_signing_out_shows_nobodys_account() {
    let world = World::start().await;
    let browser = Chromium::start().await;
    world.signs_in(&browser, "octavia").await;
    let kept = "addEventListener('pageshow', e => sessionStorage.setItem('kept', e.persisted))";
    browser.runs(kept).await;
    browser.presses("Sign out").await;
    browser.arrives(world.at("/login?notice=signed-out")).await;
    browser.client.back().await.unwrap();
    browser.arrives(world.at("/login?return_to=/account&notice=sign-in-first")).await;
    // The control: Chromium had kept the page, and would have shown it.
    assert_eq!(browser.runs("return sessionStorage.getItem('kept')").await, "true");
}
