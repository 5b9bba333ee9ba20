//! The package in a Debian of its own: installed, run as its unit runs it, upgraded, removed, purged.

use std::os::unix::fs::{PermissionsExt as _, chown};

use rustix::process::Signal;
use vestibule_demo_idp::visitor::Visitor;
use vestibule_demo_idp::{DemoIdp, Options};

use super::*;
use crate::process::manager::{Manager, status_of};
use crate::process::{Process, free_port};
use crate::world::{CLIENT_ID, CLIENT_SECRET};

/// A small Debian, unpacked for one test.
struct Debian {
    root: PathBuf,
    _folder: TempDir,
}

impl Debian {
    fn unpacked() -> Self {
        let (tar, _) = (found("VESTIBULE_TEST_DEBIAN"), found("VESTIBULE_TEST_ROOT"));
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir(&root).unwrap();
        said(Command::new("tar").args(["-xpf"]).arg(tar).args(["--numeric-owner", "-C"]).arg(&root));
        Self { root, _folder: folder }
    }

    /// A path of this Debian, as the machine around it sees it.
    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap()
    }

    /// A program in it, by its words; `/proc` is there as long as it runs.
    fn command(&self, words: &str) -> Command {
        let mut command = Command::new("unshare");
        let enter = "mount -t proc proc \"$0/proc\" && exec chroot \"$0\" \"$@\"";
        command.args(["--mount", "sh", "-c", enter]).arg(&self.root).args(words.split(' '));
        command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("LC_ALL", "C.UTF-8")
            .stdin(std::process::Stdio::null());
        command
    }

    /// What it says, in both streams; it has to end well.
    fn does(&self, words: &str) -> String {
        let (output, both) = run(&mut self.command(words));
        assert!(output.status.success(), "{words}: {}\n{both}", output.status);
        both
    }

    fn installs(&self, deb: &Path) -> String {
        fs::copy(deb, self.at("tmp/package.deb")).unwrap();
        self.does("dpkg --force-confold --install /tmp/package.deb")
    }

    /// The user's and the group's number.
    fn user(&self) -> (u32, u32) {
        let passwd = self.read("etc/passwd");
        let line = passwd.lines().find(|line| line.starts_with("vestibule:")).unwrap();
        let mut numbers = line.split(':').skip(2).map(|number| number.parse().unwrap());
        (numbers.next().unwrap(), numbers.next().unwrap())
    }

    /// What systemd makes before the start: the service's folder, and the credentials.
    fn prepares_the_service(&self) {
        let (user, group) = self.user();
        for folder in ["var/lib/vestibule", "run/vestibule", "run/credentials/vestibule.service"] {
            fs::create_dir_all(self.at(folder)).unwrap();
            fs::set_permissions(self.at(folder), fs::Permissions::from_mode(0o700)).unwrap();
            chown(self.at(folder), Some(user), Some(group)).unwrap();
        }
        for secret in fs::read_dir(self.at("etc/vestibule/secrets")).unwrap() {
            let (name, from) = (secret.as_ref().unwrap().file_name(), secret.unwrap().path());
            let to = self.at(&format!("run/credentials/vestibule.service/secret_{}", name.to_string_lossy()));
            fs::copy(from, &to).unwrap();
            // As the mask of an access control list looks.
            fs::set_permissions(&to, fs::Permissions::from_mode(0o440)).unwrap();
            chown(&to, Some(user), Some(group)).unwrap();
        }
    }

    fn edits(&self, path: &str, edit: impl FnOnce(String) -> String) {
        fs::write(self.at(path), edit(self.read(path))).unwrap();
    }
}

const AS_THE_SERVICE: &str = "setpriv --reuid vestibule --regid vestibule --clear-groups ";
const CONFIG: &str = "/etc/vestibule/config.toml";

/// The same package with another version and one more line in its configuration.
fn another(deb: &Path, version: &str) -> PathBuf {
    let dpkg_deb = found("VESTIBULE_TEST_DPKG_DEB");
    let folder = deb.with_file_name(version);
    said(Command::new(&dpkg_deb).arg("--raw-extract").arg(deb).arg(&folder));
    let edit = |path: &str, edit: &dyn Fn(String) -> String| {
        let path = folder.join(path);
        fs::write(&path, edit(fs::read_to_string(&path).unwrap())).unwrap();
    };
    let ours = format!("Version: {}\n", env!("CARGO_PKG_VERSION"));
    edit("DEBIAN/control", &|text| text.replace(&ours, &format!("Version: {version}\n")));
    edit("etc/vestibule/config.toml", &|text| format!("{text}# of {version}\n"));
    let made = deb.with_file_name(format!("{version}.deb"));
    said(Command::new(dpkg_deb).args(["--root-owner-group", "-Znone", "--build"]).arg(&folder).arg(&made));
    made
}

/// The configuration with the example for GitHub switched on, at this provider and on this port.
fn with_github(text: &str, pin: &str, port: u16, idp: &str) -> String {
    let mut text = text.replace("localhost:8080", &format!("localhost:{port}"));
    text = text.replace("127.0.0.1:8080", &format!("127.0.0.1:{port}"));
    let (before, rest) = text.split_once("#[plugin.github]\n").unwrap();
    let (example, after) = rest.split_once("\n\n").unwrap();
    let example: String = example.lines().map(|line| format!("{}\n", line.trim_start_matches('#'))).collect();
    let example =
        example.replace("client_id = \"\"", &format!("client_id = \"{CLIENT_ID}\"\nbase_url = \"{idp}\""));
    format!("{before}[plugin.github]\nsha256 = [\"{pin}\"]\n{example}\n{after}")
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_installed_signs_people_in_and_goes_without_taking_them_along() {
    let (packages, debian) = (Packages::make(), Debian::unpacked());
    let said = debian.installs(&packages.deb());
    assert!(
        said.contains("edit /etc/vestibule/config.toml, then: systemctl enable --now vestibule"),
        "{said}"
    );
    assert_eq!(debian.does("dpkg --verify vestibule"), "");
    assert_eq!(debian.does("dpkg --audit"), "");
    assert!(debian.does("vestibule --version").starts_with("vestibule "));
    // The configuration as it comes is one that a server starts with.
    debian.prepares_the_service();
    let migrated = debian.does(&format!("{AS_THE_SERVICE}vestibule migrate --config {CONFIG}"));
    assert!(migrated.contains("`/var/lib/vestibule/vestibule.db` is up to date\n"), "{migrated}");
    assert!(
        migrated.contains("warning: ") && migrated.contains("nobody can sign in; add a section"),
        "{migrated}"
    );

    let (port, idp) = (free_port(), DemoIdp::start(Options::default()).await.unwrap());
    assert!(idp.register_redirect_uri(CLIENT_ID, &format!("http://localhost:{port}/auth/github/callback")));
    fs::write(debian.at("etc/vestibule/secrets/github"), CLIENT_SECRET).unwrap();
    debian.prepares_the_service();
    let library = debian.at("usr/lib/vestibule/plugins/libvestibule_plugin_github.so");
    let pin = data_encoding::HEXLOWER.encode(&vestibule::random::sha256(&fs::read(library).unwrap()));
    debian.edits(CONFIG, |text| with_github(&text, &pin, port, idp.base_url()));

    // The very line of the unit, with what systemd hands over.
    let manager = Manager::at(debian.at("run/notify"));
    fs::set_permissions(&manager.path, fs::Permissions::from_mode(0o666)).unwrap();
    let mut command = debian.command(&format!("{AS_THE_SERVICE}{}", unit()["ExecStart"][0]));
    command
        .env("NOTIFY_SOCKET", "/run/notify")
        .env("CREDENTIALS_DIRECTORY", "/run/credentials/vestibule.service");
    let process = Process::spawn(&mut command);
    let ready = manager.wait_for("READY=1");
    assert!(ready.contains("STATUS=ready: github; "), "{ready}");
    assert_eq!(status_of(port, "/readyz").await, 200);
    let url = format!("http://localhost:{port}");
    Visitor::new(&url).unwrap().sign_in("github", Some("octavia")).await.unwrap();

    // A second button, by the unit's other line.
    debian.edits(CONFIG, |text| {
        let (_, section) = text.split_once("[provider.github]\n").unwrap();
        let (section, _) = section.split_once("\n\n").unwrap();
        let section = section.replace("[provider.github.settings]", "[provider.second.settings]");
        format!("{text}\n[provider.second]\nplugin = \"github\"\n{section}\n")
    });
    let reloaded = debian.does(&format!("{AS_THE_SERVICE}{}", unit()["ExecReload"][0]));
    assert!(reloaded.contains("generation 2: +second"), "{reloaded}");
    let reloading = manager.wait_for("RELOADING=1");
    assert!(reloading.contains("\nMONOTONIC_USEC="), "{reloading}");
    manager.wait_for("READY=1");

    process.signal(Signal::TERM);
    manager.wait_for("STOPPING=1");
    let (code, lines) = process.end();
    assert_eq!(code, Some(0));
    assert!(!lines.iter().any(|line| line.contains(" WARN ") || line.contains(" ERROR ")), "{lines:?}");

    debian.does("dpkg --remove vestibule");
    for path in ["usr/bin/vestibule", "usr/lib/vestibule", "usr/lib/systemd/system/vestibule.service"] {
        assert!(!debian.at(path).exists(), "{path} is left");
    }
    assert!(debian.read(CONFIG).contains(&pin));
    let said = debian.does("dpkg --purge vestibule");
    for kept in ["/var/lib/vestibule", "/etc/vestibule/secrets"] {
        assert!(said.contains(&format!("kept {kept}; ")), "{said}");
    }
    assert!(!debian.at(CONFIG).exists());
    assert!(
        debian.at("var/lib/vestibule/vestibule.db").exists()
            && debian.at("etc/vestibule/secrets/github").exists()
    );
    debian.user();
}

#[test]
fn an_upgrade_keeps_the_operators_configuration_and_renews_an_untouched_one() {
    let (packages, debian) = (Packages::make(), Debian::unpacked());
    let deb = packages.deb();
    let version = || debian.does("dpkg-query --show --showformat=${Version} vestibule");
    let old = another(&deb, "0.0.1");
    debian.installs(&old);
    assert!(debian.read(CONFIG).ends_with("# of 0.0.1\n"));
    let user = debian.user();

    let said = debian.installs(&deb);
    assert_eq!(version(), env!("CARGO_PKG_VERSION"));
    assert!(!said.contains("systemctl enable"), "what a first installation says: {said}");
    assert!(!debian.read(CONFIG).contains("# of 0.0.1"), "nobody had changed it");
    assert_eq!(debian.user(), user);

    debian.edits(CONFIG, |text| text.replace("#trusted_proxies", "trusted_proxies"));
    let operators = debian.read(CONFIG);
    debian.installs(&another(&deb, "9.0.0"));
    assert_eq!((version().as_str(), debian.read(CONFIG)), ("9.0.0", operators));
    assert!(
        debian.read("/etc/vestibule/config.toml.dpkg-dist").ends_with("# of 9.0.0\n"),
        "the new one is beside it"
    );
    debian.does("dpkg --purge vestibule");
    assert!(!debian.at("etc/vestibule").exists(), "nothing of the operator's was in it");
}

#[test]
fn without_what_it_needs_it_is_not_set_up() {
    let (packages, debian) = (Packages::make(), Debian::unpacked());
    debian.does("dpkg --force-depends --remove ca-certificates");
    fs::copy(packages.deb(), debian.at("tmp/package.deb")).unwrap();
    let (output, both) = run(&mut debian.command("dpkg --install /tmp/package.deb"));
    assert!(!output.status.success());
    assert!(both.contains("vestibule depends on ca-certificates"), "{both}");
}
