//! How pages look: measured here, and photographed into `target/screenshots/` for people to judge.

use std::path::{Path, PathBuf};

use serde_json::json;
use tokio::net::TcpListener;
use vestibule_demo_idp::Person;

use super::Chromium;
use crate::pages::album::album;
use crate::world::Plan;

/// Name, width, height, and whether it is a phone.
const SCREENS: [(&str, u32, u32, bool); 2] = [("1280", 1280, 800, false), ("390", 390, 844, true)];
const THEMES: [&str; 2] = ["light", "dark"];

/// Beside the program under test: `target/screenshots`.
fn folder() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_vestibule")).ancestors().nth(2).unwrap();
    let folder = target.join("screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

impl Chromium {
    async fn turns_into(&self, (_, width, height, phone): (&str, u32, u32, bool)) {
        let screen = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone});
        self.devtools("Emulation.setDeviceMetricsOverride", screen).await;
    }

    async fn prefers(&self, theme: &str) {
        // Without movement, or the picture shows colours on their way.
        let features = json!([
            {"name": "prefers-color-scheme", "value": theme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    /// Nothing is cut off at the side, nothing overlaps its own box, and whatever can be pressed is large enough for a
    /// finger (WCAG 2.2, 2.5.8).
    async fn fits(&self, what: &str) {
        let faults = self
            .runs(
                "const faults = [], wide = document.documentElement.clientWidth; \
                 if (document.documentElement.scrollWidth > wide) faults.push('scrolls sideways'); \
                 for (const e of document.querySelectorAll('main *')) { \
                   const box = e.getBoundingClientRect(); \
                   if (e.closest('pre, svg')) continue; \
                   if (box.right > wide + 0.5 || box.left < -0.5) faults.push('outside: ' + e.outerHTML.slice(0, 80)); \
                 } \
                 for (const e of document.querySelectorAll('a, button')) { \
                   const box = e.getBoundingClientRect(); \
                   if (box.height < 40 || box.width < 40) faults.push('small: ' + e.outerHTML.slice(0, 80)); \
                 } \
                 return faults",
            )
            .await;
        assert_eq!(faults, json!([]), "{what}");
    }

    /// As it is drawn: text stands out from what is behind it (WCAG 2.2, 1.4.3; what is disabled is exempt), headings
    /// skip no level, whatever can be pressed has a name, the language is said, and Tab follows the order of the page.
    async fn is_for_everyone(&self, what: &str) {
        let faults = self
            .runs(
                "const faults = []; \
                 const parts = colour => colour.match(/[\\d.]+/g).map(Number); \
                 const light = colour => parts(colour).slice(0, 3).map(c => c / 255) \
                   .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4) \
                   .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0); \
                 const behind = e => { \
                   for (; e; e = e.parentElement) { \
                     const colour = getComputedStyle(e).backgroundColor; \
                     const alpha = parts(colour)[3] ?? 1; \
                     if (alpha === 1) return colour; \
                     if (alpha !== 0) faults.push('half transparent: ' + e.className); \
                   } \
                   return 'rgb(255, 255, 255)'; \
                 }; \
                 let measured = 0; \
                 const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); \
                 while (texts.nextNode()) { \
                   const e = texts.currentNode.parentElement; \
                   if (!texts.currentNode.data.trim() || e.closest('script, :disabled')) continue; \
                   const [a, b] = [light(getComputedStyle(e).color), light(behind(e))]; \
                   const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); \
                   measured += 1; \
                   if (ratio < 4.5) faults.push(ratio.toFixed(2) + ': ' + e.outerHTML.slice(0, 80)); \
                 } \
                 if (measured < 4) faults.push('hardly any text was found'); \
                 let level = 0; \
                 for (const h of document.querySelectorAll('h1, h2, h3, h4')) { \
                   const next = Number(h.tagName[1]); \
                   if (next > level + 1) faults.push('skips to ' + h.tagName); \
                   level = next; \
                 } \
                 for (const e of document.querySelectorAll('a, button')) \
                   if (!(e.getAttribute('aria-label') || e.innerText).trim()) faults.push('no name: ' + e.outerHTML); \
                 for (const e of document.querySelectorAll('img, svg')) \
                   if (!e.hasAttribute('alt') && !e.closest('[aria-hidden=true]')) faults.push('picture: ' + e.outerHTML); \
                 if (document.querySelector('[tabindex]:not([tabindex=\"0\"])')) faults.push('order of its own'); \
                 if (document.documentElement.lang !== 'en') faults.push('no language'); \
                 return faults",
            )
            .await;
        assert_eq!(faults, json!([]), "{what}");
    }

    /// A photograph of the middle of a desk's screen, from the top.
    async fn is_cropped(&self, name: &str, height: u32) {
        let clip = json!({"x": 240, "y": 0, "width": 800, "height": height, "scale": 1});
        let picture = self.devtools("Page.captureScreenshot", json!({"clip": clip})).await;
        let picture = data_encoding::BASE64.decode(picture["data"].as_str().unwrap().as_bytes()).unwrap();
        std::fs::write(folder().join(format!("{name}.png")), picture).unwrap();
    }

    /// One photograph for each screen and theme.
    async fn is_photographed(&self, name: &str) {
        for screen in SCREENS {
            self.turns_into(screen).await;
            self.fits(&format!("{name} at {}", screen.0)).await;
            for theme in THEMES {
                self.prefers(theme).await;
                let picture = self.client.screenshot().await.unwrap();
                let file = folder().join(format!("{name}-{}-{theme}.png", screen.0));
                std::fs::write(file, picture).unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_a_desk_and_a_phone_and_can_be_read_by_everyone() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let site = format!("http://{}", listener.local_addr().unwrap());
    let (names, router) = album();
    let served = tokio::spawn(async move { axum::serve(listener, router).await });
    let browser = Chromium::start().await;
    for name in &names {
        browser.open(format!("{site}/{name}")).await;
        for (screen, theme) in SCREENS.into_iter().zip(THEMES) {
            browser.turns_into(screen).await;
            browser.prefers(theme).await;
            browser.fits(&format!("{name} at {}", screen.0)).await;
            browser.is_for_everyone(&format!("{name}, {theme}")).await;
        }
    }
    // Errors are all built alike: these are the ones with everything that an error can have.
    let errors =
        ["denied-by-person", "said-named", "wait-600", "internal", "not-found", "provider-misconfigured"];
    let chosen = |name: &str| name.strip_prefix("error-").is_none_or(|error| errors.contains(&error));
    for name in names.iter().filter(|name| chosen(name)) {
        browser.open(format!("{site}/{name}")).await;
        browser.is_photographed(name).await;
    }
    served.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn real_people_fit_on_their_account_page() {
    let world = Plan { server: "begin_rate = \"1000/min\"".to_owned(), ..Plan::default() }.start().await;
    world.idp.add_person(Person::new(
        90_001,
        "a-handle-as-long-as-github-allows-them-ok",
        &"Maximiliana ".repeat(20),
    ));
    world.idp.add_person(Person::new(90_002, "emoji", "👩‍👩‍👧‍👦 佐藤 太郎 🦊🦊🦊"));
    let browser = Chromium::start().await;
    for person in ["octavia", "kai", "zoe-mueller", "emoji", "a-handle-as-long-as-github-allows-them-ok"] {
        world.signs_in(&browser, person).await;
        browser.is_photographed(&format!("world-account-{person}")).await;
        browser.presses("Sign out").await;
        browser.arrives(world.at("/login?notice=signed-out")).await;
    }
    browser.open(world.at("/login")).await;
    browser.is_photographed("world-sign-in").await;
    // Two pictures for the README, cropped to what matters.
    browser.prefers("light").await;
    browser.turns_into(SCREENS[0]).await;
    browser.is_cropped("readme-sign-in", 490).await;
    world.signs_in(&browser, "octavia").await;
    browser.sees(".avatar img").await;
    browser.is_cropped("readme-account", 690).await;
}
