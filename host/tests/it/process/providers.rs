//! What makes one provider unavailable: shouted, with its line, and nobody else's business.

use super::*;

/// A second provider, `broken`, beside `github`, which works; the line on which `broken` begins.
struct Beside {
    installation: Installation,
    _idp: DemoIdp,
    line: usize,
}

async fn beside(broken: &str) -> Beside {
    let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
    installation.configure_for(&idp, "");
    let working = fs::read_to_string(installation.path("config.toml")).unwrap();
    let line = working.lines().count() + 1;
    installation.write("config.toml", working + broken);
    Beside { installation, _idp: idp, line }
}

impl Beside {
    /// Starts: the one fault is told with its line and nothing but the line differs from `fault`; `broken` is greyed
    /// out, the other one works, and a begin that somebody sends all the same fails.
    async fn only_broken_is_unavailable(&self, line: usize, fault: &str) {
        let mut process = Process::spawn(&mut self.installation.command());
        let ready = process.wait_for("ready: ");
        assert!(ready.contains(" INFO ready: github; unavailable: broken; generation 1, "), "{ready}");
        let shouts: Vec<String> = process
            .seen
            .iter()
            .filter(|line| line.contains("ERROR"))
            .map(|line| self.installation.shortened(line))
            .collect();
        let expected = format!("config.toml:{}: {fault}", self.line - 1 + line);
        assert!(shouts.iter().any(|shout| shout.contains(&expected)), "{expected}\n{}", shouts.join("\n"));
        let told = shouts.iter().filter(|shout| shout.contains(fault)).count();
        assert_eq!(told, 1, "said {told} times:\n{}", shouts.join("\n"));
        assert!(
            shouts.iter().any(|shout| shout.contains("`broken` is unavailable")),
            "{}",
            shouts.join("\n")
        );

        let mut visitor = self.installation.visitor();
        assert_eq!(visitor.providers().await.unwrap(), ["github"]);
        let login = format!("{}/login", self.installation.url());
        let page = plain_client().get(login).send().await.unwrap().text().await.unwrap();
        assert!(page.contains("broken") && page.contains("disabled"), "{page}");
        assert!(!page.contains("config.toml"), "{page}");
        // People read whether it is about the settings or about the plugin's file, and no more.
        let reason =
            if fault.contains(".so: ") { "Out of order at the moment" } else { "Not set up correctly yet" };
        assert!(page.contains(reason), "{reason}: {page}");
        visitor.sign_in("github", Some("octavia")).await.unwrap();
        let begin = format!("{}/auth/broken/begin", self.installation.url());
        let begin = plain_client().post(begin).header("sec-fetch-site", "same-origin").send().await.unwrap();
        assert_eq!(begin.status(), 503);
        assert_eq!(process.terminate().0, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_in_its_section() {
    let broken = provider("broken", "http://127.0.0.1:1").replace("transport", "lable = \"B\"\ntransport");
    beside(&broken).await.only_broken_is_unavailable(3, "unknown key `lable`; did you mean `label`?").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_in_its_settings() {
    let broken = provider("broken", "http://127.0.0.1:1").replace("base_url", "base_ulr");
    beside(&broken)
        .await
        .only_broken_is_unavailable(5, "unknown key `base_ulr`; did you mean `base_url`?")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transport_that_is_none() {
    let broken = provider("broken", "http://127.0.0.1:1").replace("\"worker\"", "\"thread\"");
    beside(&broken).await.only_broken_is_unavailable(3, "`transport` cannot be `thread`").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settings_file_that_is_missing() {
    let broken = provider("broken", "http://127.0.0.1:1").replace("\"client-secret\"", "\"gone\"");
    beside(&broken)
        .await
        .only_broken_is_unavailable(
            7,
            "the file that `client_secret_file` names cannot be read: no such file or directory",
        )
        .await;
}

/// As [`provider`], of a plugin of that name.
fn provider_of(plugin: &str) -> String {
    provider("broken", "http://127.0.0.1:1").replace("plugin = \"github\"", &format!("plugin = \"{plugin}\""))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_file_that_is_missing() {
    let section = format!("[plugin.other]\npath = \"gone.so\"\nsha256 = [\"{}\"]\n", pin());
    let beside = beside(&(section + &provider_of("other"))).await;
    beside
        .only_broken_is_unavailable(
            2,
            "gone.so: cannot be read: No such file or directory (os error 2); put the plugin's library there, or \
             change `path`",
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_file_that_is_text() {
    let text = "#!/bin/sh\necho pwned\n";
    let pin = data_encoding::HEXLOWER.encode(&sha256(text.as_bytes()));
    let section = format!("[plugin.other]\npath = \"text.so\"\nsha256 = [\"{pin}\"]\n");
    let beside = beside(&(section + &provider_of("other"))).await;
    beside.installation.write("text.so", text);
    beside
        .only_broken_is_unavailable(
            2,
            "text.so: is not a shared library: it does not begin as an ELF file does",
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_section_that_is_missing() {
    let beside = beside(&provider_of("other")).await;
    beside.only_broken_is_unavailable(2, "there is no `[plugin.other]`").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_pin_says_both_and_the_line_to_paste_works() {
    let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
    installation.configure_for(&idp, "");
    let right = fs::read_to_string(installation.path("config.toml")).unwrap();
    let (pin, wrong) = (pin(), "9c1f".repeat(16));
    installation.write("config.toml", right.replace(&pin, &wrong));
    let mut process = Process::spawn(&mut installation.command());
    let ready = process.wait_for("ready: ");
    assert!(ready.contains(" INFO ready: no provider; unavailable: github; generation 1, "), "{ready}");
    let line = right.lines().position(|line| line.starts_with("sha256")).unwrap() + 1;
    let shouts: Vec<_> = process.seen.iter().filter(|line| line.contains("ERROR")).cloned().collect();
    assert_eq!(shouts.len(), 1, "{shouts:?}");
    let paste = format!("sha256 = [\"{pin}\"]");
    let library = library("github");
    let expected = format!(
        "config.toml:{line}: {}: differs from its pin: expected `{wrong}`, found `{pin}`; it was not loaded; if you \
         replaced it on purpose, write `{paste}` in `[plugin.github]`",
        library.display(),
    );
    assert!(installation.shortened(&shouts[0]).contains(&expected), "{}", shouts[0]);
    assert_eq!(process.terminate().0, Some(0));

    installation.write("config.toml", right.replace(&format!("sha256 = [\"{pin}\"]"), &paste));
    let process = installation.start();
    installation.visitor().sign_in("github", Some("octavia")).await.unwrap();
    assert_eq!(process.terminate().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_pin_is_printed_ready_to_be_pasted() {
    let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
    installation.configure_for(&idp, "");
    let config = fs::read_to_string(installation.path("config.toml")).unwrap();
    let line = format!("sha256 = [\"{}\"]\n", pin());
    let without = config.replace(&line, "").replace("\"worker\"", "\"in-process\"");
    assert!(!without.contains("sha256"));
    installation.write("config.toml", &without);
    let mut process = Process::spawn(&mut installation.command());
    process.wait_for("ready: no provider; unavailable: github");
    let said = process.seen.join("\n");
    assert_eq!(process.terminate().0, Some(0));

    let from = said.find("sha256 = [").unwrap();
    let length = said[from..].find('`').unwrap();
    let pasted =
        without.replace("[plugin.github]\n", &format!("[plugin.github]\n{}\n", &said[from..from + length]));
    installation.write("config.toml", pasted);
    let process = installation.start();
    installation.visitor().sign_in("github", Some("octavia")).await.unwrap();
    assert_eq!(process.terminate().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_turned_off_is_no_fault() {
    let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
    installation.configure_for(&idp, "");
    let config = fs::read_to_string(installation.path("config.toml")).unwrap();
    let off = provider("off", idp.base_url()).replace("transport", "state = \"disabled\"\ntransport");
    installation.write("config.toml", config + &off);
    let mut process = Process::spawn(&mut installation.command());
    let ready = process.wait_for("ready: ");
    assert!(ready.contains(" INFO ready: github; turned off: off; generation 1, "), "{ready}");
    assert!(process.seen.iter().all(|line| !line.contains("ERROR")), "{:?}", process.seen);
    assert_eq!(process.terminate().0, Some(0));
}
