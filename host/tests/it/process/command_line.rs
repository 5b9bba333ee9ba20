//! Help, version, and what is not understood.

use super::*;

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_vestibule")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn help_names_the_verbs_and_the_exit_codes() {
    let (code, stdout, stderr) = run(&["--help"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(stdout.starts_with("A login server whose identity providers are plugins"), "{stdout}");
    assert!(stdout.contains("  serve     Serve sign-ins until SIGTERM or Ctrl-C"), "{stdout}");
    assert!(stdout.contains("  migrate   Bring the database's schema up to date"), "{stdout}");
    assert!(
        stdout.contains("  check     Look at everything that a start or a reload would meet"),
        "{stdout}"
    );
    assert!(stdout.contains("  doctor    Look for what no start would meet"), "{stdout}");
    assert!(stdout.contains("  provider  List providers, try one"), "{stdout}");
    assert!(stdout.contains("  reload    Have the running server take the providers"), "{stdout}");
    assert!(stdout.contains("  status    Show what the running server serves"), "{stdout}");
    assert!(
        stdout.contains("  plugin    Add, look at, roll back and remove the libraries of plugins"),
        "{stdout}"
    );
    assert!(
        stdout.contains(
            "Exit codes: 0 fine, 1 other (port taken, database unusable), 2 usage, 3 server unreachable or refused, 5 plugin, 78 configuration"
        ),
        "{stdout}"
    );
}

#[test]
fn each_verb_has_a_help_of_its_own() {
    for verb in ["serve", "migrate", "check", "doctor", "reload", "status"] {
        let (code, stdout, _) = run(&[verb, "--help"]);
        assert_eq!(code, Some(0));
        assert!(stdout.contains("--config <FILE>") && stdout.contains("[default: config.toml]"), "{stdout}");
    }
}

#[test]
fn the_version_is_the_packages() {
    for arguments in [&["--version"][..], &["-V"], &["serve", "--version"]] {
        let (code, stdout, stderr) = run(arguments);
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        assert!(stdout.starts_with("vestibule"), "{stdout}");
        assert!(stdout.ends_with(&format!(" {}\n", env!("CARGO_PKG_VERSION"))), "{stdout}");
    }
}

#[test]
fn nothing_and_nonsense_are_usage_errors() {
    let (code, stdout, stderr) = run(&[]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("Usage: vestibule <COMMAND>"), "{stderr}");

    let (code, stdout, stderr) = run(&["sreve"]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.starts_with("error: unrecognized subcommand 'sreve'\n"), "{stderr}");
    assert!(stderr.contains("a similar subcommand exists: 'serve'"), "{stderr}");

    for arguments in [&["serve", "--prot", "1"][..], &["serve", "config.toml"], &["serve", "--config"]] {
        let (code, stdout, stderr) = run(arguments);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(stderr.starts_with("error: "), "{stderr}");
    }
}
