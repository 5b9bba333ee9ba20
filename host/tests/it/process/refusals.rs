//! What stops the start: before anybody is served, with the cure.

use super::*;

#[test]
fn a_missing_configuration_is_named() {
    let installation = Installation::new();
    assert_eq!(
        installation.refused(),
        (
            Some(78),
            "error: config.toml: cannot be read: no such file or directory; name a configuration file with `--config FILE`\n\
             not started: 1 error in the configuration\n"
                .to_owned()
        )
    );
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_one_that_was_meant() {
    let installation = Installation::new();
    installation.configure("defualt_provider = \"github\"\n[tokens]\n");
    let (code, said) = installation.refused();
    assert_eq!(code, Some(78));
    assert_eq!(
        said,
        "warning: config.toml:1: no provider is configured, so nobody can sign in; add a section `[provider.…]`\n\
         error: config.toml:4: unknown key `defualt_provider`; did you mean `default_provider`?\n\
         error: config.toml:5: `[tokens]` is not in this version; remove it\n\
         not started: 2 errors in the configuration\n"
    );
    assert!(!installation.path("vestibule.db").exists());
}

#[test]
fn a_taken_port_is_named_and_the_database_is_not_touched() {
    let installation = Installation::new();
    installation.configure("");
    let port = installation.port;
    let _other = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let (code, said) = installation.refused();
    assert_eq!(code, Some(1));
    assert_eq!(
        errors(&said),
        [format!(
            "ERROR cannot listen on `127.0.0.1:{port}`: Address already in use (os error 98); stop what uses it, or \
             change `listen` in `[server]`"
        )]
    );
    assert!(!installation.path("vestibule.db").exists());
}

#[test]
fn a_taken_port_of_the_metrics_is_named_by_its_own_key() {
    let installation = Installation::new();
    let other = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = other.local_addr().unwrap();
    installation.configure(&format!("metrics_listen = \"{address}\"\n"));
    let (code, said) = installation.refused();
    assert_eq!(code, Some(1));
    assert_eq!(
        errors(&said),
        [format!(
            "ERROR cannot listen on `{address}`: Address already in use (os error 98); stop what uses it, or change \
             `metrics_listen` in `[server]`"
        )]
    );
    assert!(!installation.path("vestibule.db").exists());
}

#[test]
fn an_address_of_another_machine_is_no_taken_port() {
    let installation = Installation::new();
    installation.write(
        "config.toml",
        format!("[server]\npublic_url = \"{}\"\nlisten = \"192.0.2.1:8080\"\n", installation.url()),
    );
    let (code, said) = installation.refused();
    assert_eq!(code, Some(1));
    assert_eq!(
        errors(&said),
        [
            "ERROR cannot listen on `192.0.2.1:8080`: Cannot assign requested address (os error 99); change `listen` in \
             `[server]`"
        ]
    );
}

/// The log's errors, without their times.
pub(super) fn errors(said: &str) -> Vec<&str> {
    said.lines().filter_map(|line| line.find("ERROR ").map(|at| &line[at..])).collect()
}

/// Every process of root's may write everything. What this thread starts has lost that right for good, so that the tests
/// mean something for root, too.
pub(super) fn without_root_rights(command: &mut Command) -> Output {
    std::thread::scope(|scope| {
        let run = || {
            let now = capabilities(None).unwrap();
            if now.effective.contains(CapabilitySet::DAC_OVERRIDE) {
                // A program that root starts gets what the bounding set has, whatever its parent had.
                remove_capability_from_bounding_set(CapabilitySet::DAC_OVERRIDE).unwrap();
                let keep = CapabilitySet::DAC_OVERRIDE.complement();
                let sets = CapabilitySets {
                    effective: now.effective & keep,
                    permitted: now.permitted & keep,
                    inheritable: now.inheritable & keep,
                };
                set_capabilities(None, sets).unwrap();
            }
            command.output().unwrap()
        };
        scope.spawn(run).join().unwrap()
    })
}

fn database_refused(installation: &Installation, cause: &str) {
    let output = without_root_rights(&mut installation.command());
    let (code, said) = installation.ended(&output);
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(errors(&said), [format!("ERROR cannot start: {cause}")]);
    assert!(TcpStream::connect(("127.0.0.1", installation.port)).is_err());
}

#[test]
fn a_database_in_a_missing_folder() {
    let installation = Installation::new();
    installation.configure("[database]\nurl = \"sqlite:data/v.db\"\n");
    database_refused(
        &installation,
        &format!(
            "the database `data/v.db` cannot be created: the folder `{}` does not exist; create it, or change \
             `[database] url`",
            installation.path("data").display()
        )
        .replace(&format!("{}/", installation.folder.path().display()), ""),
    );
}

#[test]
fn a_database_folder_that_may_not_be_written() {
    let installation = Installation::new();
    installation.configure("[database]\nurl = \"sqlite:data/v.db\"\n");
    fs::create_dir(installation.path("data")).unwrap();
    fs::set_permissions(installation.path("data"), Permissions::from_mode(0o500)).unwrap();
    database_refused(
        &installation,
        "the database `data/v.db` cannot be written: Permission denied (os error 13); let the server's user write \
         `data/v.db` and its folder, or change `[database] url`",
    );
}

#[test]
fn a_database_file_that_may_not_be_written() {
    let installation = Installation::new();
    installation.configure("");
    fs::write(installation.path("vestibule.db"), "").unwrap();
    fs::set_permissions(installation.path("vestibule.db"), Permissions::from_mode(0o400)).unwrap();
    database_refused(
        &installation,
        "the database `vestibule.db` cannot be written: Permission denied (os error 13); let the server's user write \
         `vestibule.db` and its folder, or change `[database] url`",
    );
}

#[test]
fn a_file_that_is_no_database_stays_as_it_is() {
    let installation = Installation::new();
    installation.configure("");
    let letter = "dear diary\n".repeat(1000);
    installation.write("vestibule.db", &letter);
    database_refused(
        &installation,
        "`vestibule.db` is not an SQLite database; move it away, or change `[database] url`",
    );
    assert_eq!(fs::read_to_string(installation.path("vestibule.db")).unwrap(), letter);
}
