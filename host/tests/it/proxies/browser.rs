//! The whole way in Chromium, over TLS, to an application and back out.

use super::application::GREETING;
use super::{NAME, Site, on_both_proxies};
use crate::browser::chromium::Chromium;

on_both_proxies! {
    async fn a_person_comes_for_the_application_signs_in_and_arrives_there(kind) {
        let site = Site::start(kind).await;
        let browser = Chromium::start_with_args(&[
            format!("--host-resolver-rules=MAP {NAME} 127.0.0.1"),
            format!("--ignore-certificate-errors-spki-list={}", trusted(&site)),
        ])
        .await;
        browser.open(format!("{}/wiki/start", site.origin())).await;
        browser.presses("Sign in with GitHub").await;
        browser.reads("Choose who you are").await;
        browser.sees("button[name=person][value=octavia]").await.click().await.unwrap();
        browser.arrives(format!("{}/wiki/start", site.origin())).await;
        browser.reads(GREETING).await;

        browser.open(format!("{}/account", site.origin())).await;
        browser.reads("Octavia Hubbard").await;
        let cookies = browser.client.get_all_cookies().await.unwrap();
        let names: Vec<_> = cookies.iter().map(|cookie| cookie.name()).collect();
        assert!(names.contains(&"__Host-vestibule_session"), "{names:?}");
        for cookie in &cookies {
            let safe = cookie.secure() == Some(true) && cookie.http_only() == Some(true);
            assert!(safe && cookie.domain() == Some(NAME), "{}", cookie.name());
        }
        browser.presses("Sign out").await;
        browser.arrives(format!("{}/login?notice=signed-out", site.origin())).await;
        browser.open(format!("{}/wiki/start", site.origin())).await;
        browser.reads("Sign in").await;
        assert_eq!(site.application.requests().iter().filter(|r| r.contains("/wiki/start")).count(), 1);
        assert_eq!(complaints(&browser, &site).await, [""; 0]);
    }
}

/// The keys of the proxy and of the provider's front, and no other.
fn trusted(site: &Site) -> String {
    site.shown.each_ref().map(|shown| shown.spki_digest()).join(",")
}

/// What the console says of pages that are not the provider's.
async fn complaints(browser: &Chromium, site: &Site) -> Vec<String> {
    let lines = browser.console().await;
    lines.into_iter().filter(|line| line.starts_with(&site.origin()) && !line.contains("/wiki/")).collect()
}
