//! What is in the two archives, and that they are the same each time.

use super::*;

/// Path, mode, owner and length of everything in a package that is no folder.
fn listed(deb: &Path) -> BTreeMap<String, (String, String)> {
    let text = said(Command::new(found("VESTIBULE_TEST_DPKG_DEB")).arg("--contents").arg(deb));
    let mut files = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        files
            .insert(words[5].trim_start_matches("./").to_owned(), (words[0].to_owned(), words[1].to_owned()));
    }
    files
}

fn field(deb: &Path, name: &str) -> String {
    said(Command::new(found("VESTIBULE_TEST_DPKG_DEB")).arg("--field").arg(deb).arg(name)).trim().to_owned()
}

#[test]
fn the_package_holds_a_server_and_says_what_it_needs() {
    let packages = Packages::make();
    let deb = packages.deb();
    let files = listed(&deb);
    for (path, mode) in [
        ("usr/bin/vestibule", "-rwxr-xr-x"),
        ("usr/lib/vestibule/plugins/libvestibule_plugin_github.so", "-rw-r--r--"),
        ("usr/lib/vestibule/plugins/libvestibule_plugin_gitlab.so", "-rw-r--r--"),
        ("usr/lib/vestibule/plugins/libvestibule_plugin_oidc.so", "-rw-r--r--"),
        ("usr/lib/systemd/system/vestibule.service", "-rw-r--r--"),
        ("usr/lib/sysusers.d/vestibule.conf", "-rw-r--r--"),
        ("etc/vestibule/config.toml", "-rw-r--r--"),
        ("etc/vestibule/secrets/", "drwx------"),
        ("usr/share/doc/vestibule/copyright", "-rw-r--r--"),
        ("usr/share/doc/vestibule/operator.md", "-rw-r--r--"),
    ] {
        assert_eq!(files.get(path), Some(&(mode.to_owned(), "root/root".to_owned())), "{path} in {files:?}");
    }
    assert!(!files.keys().any(|path| path.contains("misbehaving")), "a test's plugin: {files:?}");
    assert_eq!(field(&deb, "Version"), env!("CARGO_PKG_VERSION"));
    let depends = field(&deb, "Depends");
    assert!(depends.starts_with("libc6 (>= 2."), "{depends}");
    for package in ["libgcc-s1 (>= 4.2)", "ca-certificates", "systemd | systemd-standalone-sysusers"] {
        assert!(depends.contains(package), "{depends}");
    }
    let notices = said(
        Command::new("tar")
            .args(["--extract", "--to-stdout", "--wildcards", "*/third-party-notices.txt", "--file"])
            .arg(packages.tarball()),
    );
    assert!(notices.contains("\ntokio 1.") && notices.contains("\nabi_stable 0.11.3: "), "{notices:.2000}");
    assert!(
        !notices.contains("\nchromedriver") && !notices.contains("\nfantoccini "),
        "what only tests need"
    );
}

#[test]
fn the_same_binaries_are_packaged_to_the_same_bytes() {
    let (one, other) = (Packages::make(), Packages::make());
    for file in [Packages::deb, Packages::tarball] {
        assert!(fs::read(file(&one)).unwrap() == fs::read(file(&other)).unwrap(), "{:?} differs", file(&one));
    }
}

#[test]
fn the_tarball_holds_the_same_files_and_no_folder_of_the_systems() {
    let packages = Packages::make();
    let text = said(Command::new("tar").args(["--list", "--verbose", "--file"]).arg(packages.tarball()));
    let mut files = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let (_, path) = words[5].split_once('/').unwrap();
        files.insert(path.to_owned(), (words[0].to_owned(), words[1].to_owned()));
    }
    let mut listed = listed(&packages.deb());
    listed.retain(|path, _| !(path.is_empty() || path.ends_with('/')) || path.contains("vestibule"));
    assert_eq!(files, listed);
}

#[test]
fn what_the_unit_and_the_configuration_name_is_in_the_package() {
    let packages = Packages::make();
    let files = listed(&packages.deb());
    let unit = unit();
    for command in ["ExecStart", "ExecReload"] {
        let words: Vec<_> = unit[command][0].split(' ').collect();
        for path in [words[0], words[3]] {
            assert!(files.contains_key(path.trim_start_matches('/')), "{path} of {command}");
        }
    }
    let secrets = unit["LoadCredential"][0].split_once(':').unwrap().1.trim_start_matches('/');
    assert!(files.contains_key(&format!("{secrets}/")), "{secrets}");
    let text = fs::read_to_string(workspace().join("packaging/etc/config.toml")).unwrap();
    let named: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("#path = \"/")).collect();
    assert_eq!(named.len(), 3);
    for path in named {
        assert!(files.contains_key(path.trim_end_matches('"')), "{path}");
    }
}
