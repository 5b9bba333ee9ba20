//! A browser that runs no scripts.

use super::{Chromium, Scripts};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_and_out_without_scripts() {
    let world = World::start().await;
    let browser = Chromium::start_with(Scripts::Off).await;
    // The setting is real: this page would lead elsewhere.
    let elsewhere =
        "data:text/html,<h1>off</h1><script>document.querySelector('h1').textContent = 'on'</script>";
    browser.open(elsewhere).await;
    browser.reads("off").await;
    world.signs_in(&browser, "octavia").await;
    browser.reads("Octavia Hubbard").await;
    browser.presses("Sign out").await;
    browser.arrives(world.at("/login?notice=signed-out")).await;
    assert_eq!(world.count("sessions").await, 0);
}
