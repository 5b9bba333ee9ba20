//! The unit, as systemd reads and judges it.

use super::*;

/// What `systemd-analyze security` may say at most, of 100: 15 is "1.5 OK". What is left is the network, which a login
/// server is for.
const EXPOSURE: u32 = 15;

fn unit_file() -> PathBuf {
    workspace().join("packaging/systemd/vestibule.service")
}

fn analyze() -> Command {
    let mut command = Command::new(found("VESTIBULE_TEST_SYSTEMD_ANALYZE"));
    command.env("SYSTEMD_COLORS", "0").env("SYSTEMD_PAGER", "");
    command
}

#[test]
fn the_unit_leaves_little_exposed() {
    let mut command = analyze();
    command.args(["security", "--offline=true", &format!("--threshold={EXPOSURE}")]);
    let (output, text) = run(command.arg(unit_file()));
    assert!(output.status.success(), "{text}");
    // It is a measure that moves: without the last part of the unit the same command says no.
    let text = fs::read_to_string(unit_file()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let bare = folder.path().join("vestibule.service");
    fs::write(&bare, text.split("# From here on").next().unwrap()).unwrap();
    let mut command = analyze();
    command.args(["security", "--offline=true", &format!("--threshold={EXPOSURE}")]);
    assert!(!run(command.arg(bare)).0.status.success());
}

/// A root in which everything is that the unit names, as files without content.
fn root(unit: &str) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, mode| {
        use std::os::unix::fs::PermissionsExt as _;
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    write("usr/bin/vestibule", 0o755);
    let units = root.path().join("usr/lib/systemd/system");
    fs::create_dir_all(&units).unwrap();
    for target in ["basic", "sysinit", "shutdown", "network-online", "nss-lookup", "multi-user", "umount"] {
        fs::write(units.join(format!("{target}.target")), "[Unit]\nDescription=There\n").unwrap();
    }
    fs::write(units.join("vestibule.service"), unit).unwrap();
    root
}

fn verified(unit: &str) -> (bool, String) {
    let root = root(unit);
    let mut command = analyze();
    command
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(format!("--root={}", root.path().display()));
    let (output, text) = run(command.arg("vestibule.service"));
    let about_it = text.lines().filter(|line| line.contains("vestibule"));
    (output.status.success(), about_it.collect::<Vec<_>>().join("\n"))
}

#[test]
fn systemd_finds_no_fault_in_the_unit() {
    let text = fs::read_to_string(unit_file()).unwrap();
    assert_eq!(verified(&text), (true, String::new()));
    let (_, fault) = verified(&text.replace("ProtectClock=", "ProtectClocks="));
    assert!(fault.contains("ProtectClocks"), "a fault is not found: {fault}");
    let (fine, fault) = verified(&text.replace("/usr/bin/vestibule serve", "/usr/bin/vestibul serve"));
    assert!(!fine && fault.contains("/usr/bin/vestibul "), "a missing program is not found: {fault}");
}

#[test]
fn what_starting_again_does_not_mend_is_not_started_again() {
    use vestibule::exit::ExitCode;
    let unit = unit();
    let codes: Vec<u8> =
        unit["RestartPreventExitStatus"][0].split(' ').map(|code| code.parse().unwrap()).collect();
    // 2 is clap's, for a command line that is wrong.
    assert_eq!(codes, [2, ExitCode::Plugin as u8, ExitCode::Configuration as u8]);
    assert_eq!(unit["Restart"], ["on-failure"]);
}

/// What a worker does to lock itself in has to be allowed, and no group of systemd 252 has it.
#[test]
fn a_plugins_process_may_lock_itself_in() {
    let unit = unit();
    let calls: Vec<_> = unit["SystemCallFilter"].iter().flat_map(|line| line.split(' ')).collect();
    for call in ["landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp"] {
        assert!(calls.contains(&call), "{call}: {calls:?}");
    }
    assert!(!calls.contains(&"~@resources"), "its limits are set with these");
    // Both would take the workers along: SIGTERM while the server still lets sign-ins end, and one that ran out of memory.
    assert_eq!((unit["KillMode"][0].as_str(), unit["OOMPolicy"][0].as_str()), ("mixed", "continue"));
}
