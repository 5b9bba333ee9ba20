//! A person, a real Chromium and a real server: what only a browser can show of cookies, policies and forms.
//!
//! The driver waits for what is to be seen; no test waits for time to pass. `cargo xtask test` says where Chromium and
//! chromedriver are, in `VESTIBULE_TEST_CHROMIUM` and `VESTIBULE_TEST_CHROMEDRIVER`.

pub(crate) mod chromium;
mod console;
mod cookies;
mod form_post;
mod keyboard;
mod looks;
mod refusals;
mod sign_in;
mod tabs;
mod without_scripts;

use crate::world::{World, plain_client};
use chromium::{Chromium, Scripts};

impl World {
    /// From the start page to the provider's page, as a person would go.
    async fn walks_to_the_provider(&self, browser: &Chromium) {
        browser.open(&self.url).await;
        browser.arrives(self.at("/login")).await;
        browser.reads("Sign in").await;
        browser.presses("Sign in with GitHub").await;
        browser.reads("Choose who you are").await;
    }

    /// All the way in.
    async fn signs_in(&self, browser: &Chromium, person: &str) {
        self.walks_to_the_provider(browser).await;
        self.chooses(browser, person).await;
        browser.arrives(self.at("/account")).await;
    }

    /// Presses a person's button on the provider's page.
    async fn chooses(&self, browser: &Chromium, person: &str) {
        browser.sees(&format!("button[name=person][value={person}]")).await.click().await.unwrap();
    }

    /// What the provider answers to the sign-in that this browser has begun: the callback's address, to which nobody
    /// has gone yet.
    async fn callback_of(&self, browser: &Chromium, person: &str) -> url::Url {
        self.walks_to_the_provider(browser).await;
        let answer = plain_client()
            .post(browser.client.current_url().await.unwrap())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("person={person}"))
            .send()
            .await
            .unwrap();
        url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap()
    }

    /// What the console says of pages of ours since the last call. The provider's pages are not at issue here.
    async fn complaints(&self, browser: &Chromium) -> Vec<String> {
        let provider = self.idp.base_url();
        browser.console().await.into_iter().filter(|line| !line.starts_with(provider)).collect()
    }

    /// This page is an error page with this heading, an id, and one way on; nobody came in.
    async fn is_refused(&self, browser: &Chromium, heading: &str) {
        browser.reads(heading).await;
        let id = browser.text(".id code").await;
        assert_eq!(id.len(), 16, "{id}");
        assert!(id.bytes().all(|b| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b)), "{id}");
        assert_eq!(self.count("sessions").await, 0);
        browser.sees("a.button").await;
    }
}
