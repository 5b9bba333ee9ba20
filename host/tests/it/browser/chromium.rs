//! A Chromium of its own for each test: its driver, an empty profile, and what a person does with hands and eyes. Knows
//! nothing of Vestibule.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than anything here takes, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether pages may run scripts. The driver's own always run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scripts {
    /// As browsers come.
    On,
    /// Turned off, as by a person who does not want any.
    Off,
}

/// A running browser with one person in front of it. Gone, with its profile, when dropped.
pub(crate) struct Chromium {
    /// For what has no method here.
    pub(crate) client: Client,
    _driver: Driver,
}

/// `chromedriver` and, through it, the browser.
struct Driver {
    child: Child,
    port: u16,
    /// Kept open: the driver would be ended by its next line otherwise.
    _said: BufReader<ChildStdout>,
    /// Removed after both programs have ended.
    _profile: TempDir,
}

impl Chromium {
    /// With scripts.
    pub(crate) async fn start() -> Self {
        Self::start_with(Scripts::On).await
    }

    /// With scripts or without.
    pub(crate) async fn start_with(scripts: Scripts) -> Self {
        let off = "--blink-settings=scriptEnabled=false".to_owned();
        Self::start_with_args(if scripts == Scripts::Off { std::slice::from_ref(&off) } else { &[] }).await
    }

    /// Starts the driver, and the browser through it, with more arguments.
    pub(crate) async fn start_with_args(more: &[String]) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut args = vec![
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--lang=en".to_owned(),
            "--window-size=1280,800".to_owned(),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        args.extend_from_slice(more);
        let capabilities = json!({
            "goog:chromeOptions": {"binary": program("VESTIBULE_TEST_CHROMIUM"), "args": args},
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let driver = Driver::start(profile);
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(serde_json::from_value(capabilities).unwrap())
            .connect(&format!("http://127.0.0.1:{}", driver.port))
            .await
            .unwrap();
        Self { client, _driver: driver }
    }

    /// Types an address.
    pub(crate) async fn open(&self, url: impl AsRef<str>) {
        self.client.goto(url.as_ref()).await.unwrap();
    }

    /// Waits until the address line shows this.
    pub(crate) async fn arrives(&self, url: impl AsRef<str>) {
        let url = url::Url::parse(url.as_ref()).unwrap();
        let arrived =
            self.client.wait().at_most(PATIENCE).every(Duration::from_millis(50)).for_url(&url).await;
        if let Err(error) = arrived {
            panic!("waited for {url}: {error}\n{}", self.page().await);
        }
    }

    /// Waits for an element.
    pub(crate) async fn sees(&self, css: &str) -> Element {
        self.finds(Locator::Css(css)).await
    }

    /// Waits for a page with this heading.
    pub(crate) async fn reads(&self, heading: &str) {
        let path = format!("//h1[normalize-space(.)=\"{heading}\"]");
        self.finds(Locator::XPath(&path)).await;
    }

    /// Waits for the button or link with this text, and presses it.
    pub(crate) async fn presses(&self, text: &str) {
        let path = format!("//*[self::button or self::a][normalize-space(.)=\"{text}\"]");
        self.finds(Locator::XPath(&path)).await.click().await.unwrap();
    }

    /// The text of the first element, which is there.
    pub(crate) async fn text(&self, css: &str) -> String {
        self.sees(css).await.text().await.unwrap()
    }

    async fn finds(&self, what: Locator<'_>) -> Element {
        let wait = self.client.wait().at_most(PATIENCE).every(Duration::from_millis(50));
        match wait.for_element(what).await {
            Ok(element) => element,
            Err(error) => panic!("waited for {what:?}: {error}\n{}", self.page().await),
        }
    }

    /// Where the browser is and what it shows, for a failing test.
    async fn page(&self) -> String {
        let url = self.client.current_url().await.map(String::from).unwrap_or_default();
        let source: String = self.client.source().await.unwrap_or_default().chars().take(4_000).collect();
        format!("at {url}\n{source}")
    }

    /// Presses and releases one key.
    pub(crate) async fn types(&self, key: Key) {
        let value = key.into();
        let keys = KeyActions::new("keyboard".to_owned())
            .then(KeyAction::Down { value })
            .then(KeyAction::Up { value });
        self.client.perform_actions(keys).await.unwrap();
    }

    /// Presses Tab until an element with this text has the focus; fails when the focus is invisible on the way, or when
    /// `most` presses did not lead there.
    pub(crate) async fn tabs_to(&self, text: &str, most: usize) {
        for _ in 0..most {
            self.types(Key::Tab).await;
            let focus = "const e = document.activeElement, s = getComputedStyle(e); \
                 return [e.innerText.trim().replace(/\\s+/g, ' '), s.outlineStyle, parseFloat(s.outlineWidth)]";
            let focus = self.runs(focus).await;
            let focused = focus[0].as_str().unwrap();
            assert_eq!(focus[1], "solid", "the focus on `{focused}` is to be seen");
            assert!(focus[2].as_f64().unwrap() >= 2.0, "the focus on `{focused}` is to be seen");
            if focused == text {
                return;
            }
        }
        panic!("no focus on `{text}` after {most} times Tab\n{}", self.page().await);
    }

    /// The value of a script that runs in the page.
    pub(crate) async fn runs(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap()
    }

    /// The value of a script that calls its last argument when it is done.
    pub(crate) async fn runs_until_called(&self, script: &str) -> Value {
        self.client.execute_async(script, vec![]).await.unwrap()
    }

    /// What the console has collected since the last call, whatever its level: violations of a policy, errors of
    /// scripts, resources that did not come.
    pub(crate) async fn console(&self) -> Vec<String> {
        let command = Extension { path: "se/log", body: json!({"type": "browser"}) };
        let entries = self.client.issue_cmd(command).await.unwrap();
        entries
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["message"].as_str().unwrap().to_owned())
            .collect()
    }

    /// A command of the DevTools protocol.
    pub(crate) async fn devtools(&self, command: &str, params: Value) -> Value {
        let body = json!({"cmd": command, "params": params});
        self.client.issue_cmd(Extension { path: "goog/cdp/execute", body }).await.unwrap()
    }
}

/// A command of chromedriver's that WebDriver does not have.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

impl Driver {
    fn start(profile: TempDir) -> Self {
        // It takes a free port of IPv4, and then the same one of IPv6, which another test may have by then: it ends.
        let (child, said, port) = (0..5)
            .find_map(|_| Self::launch())
            .expect("chromedriver ended five times before it named its port");
        Self { child, port, _said: said, _profile: profile }
    }

    fn launch() -> Option<(Child, BufReader<ChildStdout>, u16)> {
        let mut child = Command::new(program("VESTIBULE_TEST_CHROMEDRIVER"))
            // Port 0 is a free one, which it names in its first lines.
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while said.read_line(&mut line).unwrap() > 0 {
            let port =
                line.split_once("successfully on port ").map(|(_, port)| port.trim().trim_end_matches('.'));
            if let Some(port) = port {
                let port = port.parse().unwrap();
                return Some((child, said, port));
            }
            line.clear();
        }
        child.wait().unwrap();
        None
    }

    /// Asks for the end: a driver that is only killed leaves its browser behind.
    fn shut_down(&self) -> std::io::Result<()> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /shutdown HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        stream.read_to_end(&mut Vec::new()).map(drop)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.shut_down();
        if let Ok(group) = i32::try_from(self.child.id())
            && let Some(group) = rustix::process::Pid::from_raw(group)
        {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// A program that `cargo xtask test` has found. Without it the test fails: only that command may leave it out.
fn program(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable).unwrap_or_else(|| {
        panic!("{variable} is not set: run `cargo xtask test`, or set it to the path of the program")
    });
    PathBuf::from(path)
}
