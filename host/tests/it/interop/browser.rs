//! In Chromium, as a person.

use super::{ADA, Interop, Plan};
use crate::browser::chromium::Chromium;
use crate::database::on_both_databases;

impl Interop {
    /// From the start page to the identity provider's, and its questions answered.
    async fn walks(&self, browser: &Chromium, consent: &str) {
        browser.open(&self.url).await;
        browser.presses("Sign in with Elsewhere").await;
        browser.reads("Who are you?").await;
        browser.presses(ADA).await;
        browser.reads("May it know you?").await;
        browser.presses(consent).await;
    }
}

on_both_databases! {
    async fn a_person_signs_in_out_and_in_again(database) {
        let interop = Interop::start(database).await;
        let browser = Chromium::start().await;
        interop.walks(&browser, "Allow").await;
        browser.arrives(format!("{}/account", interop.url)).await;
        browser.reads("Ada Łukasiewicz").await;
        assert_eq!(browser.text(".facts dd").await, "ada");
        let database = interop.database().await;
        for table in ["users", "identities", "oauth_oidc", "sessions"] {
            assert_eq!(database.count(table).await, 1, "{table}");
        }

        browser.presses("Sign out").await;
        browser.arrives(format!("{}/login?notice=signed-out", interop.url)).await;
        assert_eq!(database.count("sessions").await, 0);
        // The identity provider remembers the person, and that the server may know them: there is nothing to answer.
        browser.presses("Sign in with Elsewhere").await;
        browser.arrives(format!("{}/account", interop.url)).await;
        browser.reads("Ada Łukasiewicz").await;
        for table in ["users", "identities", "oauth_oidc", "sessions"] {
            assert_eq!(database.count(table).await, 1, "{table}");
        }
        let complaints = browser.console().await;
        let ours: Vec<_> = complaints.iter().filter(|line| line.starts_with(&interop.url)).collect();
        assert!(ours.is_empty(), "{ours:?}");
    }

    async fn a_person_who_says_no_is_told_so_and_may_try_again(database) {
        let interop = Interop::start(database).await;
        let browser = Chromium::start().await;
        interop.walks(&browser, "Deny").await;
        browser.reads("Sign-in cancelled").await;
        interop.holds_nobody().await;
        browser.sees("a.button").await.click().await.unwrap();
        browser.presses("Sign in with Elsewhere").await;
        browser.reads("May it know you?").await;
        browser.presses("Allow").await;
        browser.arrives(format!("{}/account", interop.url)).await;
    }

    async fn a_wrong_client_secret_is_the_operators_business(database) {
        let plan = Plan { secret: Some("not-the-secret"), ..Plan::default() };
        let interop = plan.start(database).await;
        let browser = Chromium::start().await;
        interop.walks(&browser, "Allow").await;
        browser.reads("Not set up correctly").await;
        interop.holds_nobody().await;
    }
}
