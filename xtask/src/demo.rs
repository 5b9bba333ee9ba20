//! `cargo xtask demo`: from a checkout to a sign-in, on this machine alone. Owns the order of things; the configuration
//! that it derives is in `settings`, the sign-ins of `--check` in `check`.
//!
//! The server is reached as `localhost` and the lookalike as `127.0.0.1`, since cookies ignore ports: under one name each
//! would get the other's.

mod check;
mod lookalike;
mod ports;
mod settings;

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::program::{Interrupt, Program, run_until_interrupted};
use crate::workspace::{Built, Plugin, Workspace};
use settings::{Configuration, Lookalike, Pinned, Values};

/// What the lookalike knows the server as.
const CLIENT_ID: &str = "vestibule-demo";
/// Where the server listens when its configuration does not say.
const DEFAULT_PORT: u16 = 8080;
/// Below the folder of the demo.
const DATABASE: &str = "vestibule.db";
/// Below the folder of the demo: where `vestibule reload` and `vestibule status` reach the server.
const ADMIN_SOCKET: &str = "admin.sock";
/// The server gives running requests 15 s.
const GRACE: Duration = Duration::from_secs(20);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The server's port on localhost; without it that of `config.toml`, or a free one
    #[arg(long)]
    port: Option<u16>,
    /// Go on with the last demo's database, on its ports
    #[arg(long, conflicts_with_all = ["check", "port"])]
    keep: bool,
    /// Sign in through every configured provider without a browser, print what was stored, and end
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    // A check of its own does not take away what `--keep` would go on with.
    let folder = workspace.target.join(if options.check { "demo-check" } else { "demo" });
    std::fs::create_dir_all(&folder).map_err(Error::file("make the folder", &folder))?;
    let _lock = lock(&folder)?;
    let plugins = workspace.plugins()?;
    let configuration = Configuration::read(&workspace.root, "config.toml")?;
    let providers = configuration.providers()?;
    let earlier = if options.keep { settings::Earlier::read(&folder)? } else { None };

    let port = match (&earlier, options.port) {
        (Some(earlier), _) => ports::kept(earlier.server, "server")?,
        (None, Some(port)) => ports::asked_for(port)?,
        (None, None) => ports::free(configuration.port().or(Some(DEFAULT_PORT)))?,
    };

    println!("building the server, {} and the lookalikes of providers", count(plugins.len(), "plugin"));
    let built = build(workspace, &plugins)?;
    let interrupt = Interrupt::watch()?;
    if !options.keep {
        forget_database(&folder)?;
    }

    let server = format!("http://localhost:{port}");
    let mut programs = Programs::default();
    let mut lookalikes = BTreeMap::new();
    for provider in &providers {
        let lookalike::Provider { name: provider, personality } = provider;
        let earlier = earlier.as_ref().and_then(|earlier| earlier.lookalikes.get(provider));
        let lookalike_port = earlier.map_or(Ok(0), |port| ports::kept(*port, provider))?;
        let secret_file = new_secret(&folder, provider)?;
        let mut program = Program::start(
            &format!("demo-idp-{provider}"),
            built.program("demo-idp")?,
            &[
                "--as",
                personality.plugin,
                "--listen",
                &format!("{}:{lookalike_port}", Ipv4Addr::LOCALHOST),
                "--client-id",
                CLIENT_ID,
                "--client-secret-file",
                &secret_file.to_string_lossy(),
                "--redirect-uri",
                &format!("{server}/auth/{provider}/callback"),
            ],
            &folder,
            !options.check,
        )?;
        let address = program.wait_until(&interrupt, |program| program.line_after("demo-idp listening on "));
        programs.0.push(program);
        let secret_file = format!("{provider}.secret");
        let lookalike = Lookalike { address: address?, personality, client_id: CLIENT_ID, secret_file };
        lookalikes.insert(provider.clone(), lookalike);
    }

    let values = Values {
        port,
        database: DATABASE,
        admin_socket: ADMIN_SOCKET,
        pins: pins(&built, &plugins)?,
        lookalikes,
    };
    let derived = configuration.derive(&values)?;
    let config = folder.join("config.toml");
    std::fs::write(&config, &derived.text).map_err(Error::file("write", &config))?;
    println!(
        "{}: derived from config.toml, with {} filled in",
        workspace.shown(&config),
        derived.changed.join(", ")
    );

    let mut vestibule = Program::start(
        "vestibule",
        built.program("vestibule")?,
        &["serve", "--config", &config.to_string_lossy()],
        &folder,
        !options.check,
    )?;
    let ready = vestibule.wait_until(&interrupt, |_| ports::answers_ready(port).then_some(()));
    let log = vestibule.log().to_owned();
    programs.0.push(vestibule);
    ready?;

    if options.check {
        let visitor = check::Visitor {
            program: built.program("demo-visitor")?,
            server: &server,
            database: &folder.join(DATABASE),
        };
        return check::run(&visitor, &providers, &log);
    }
    let database = workspace.shown(&folder.join(DATABASE));
    let config = workspace.shown(&config);
    println!("{}", invitation(&server, &values.lookalikes, &database, &config));
    let ended = run_until_interrupted(&interrupt, &mut programs.0);
    println!("stopping");
    ended
}

/// What was started, in that order. Dropped, it ends the last first: the server's last requests still need the lookalikes.
#[derive(Default)]
struct Programs(Vec<Program>);

impl Drop for Programs {
    fn drop(&mut self) {
        for program in self.0.iter_mut().rev() {
            program.stop(GRACE);
        }
    }
}

/// One call of cargo, so that nothing is resolved or compiled twice.
fn build(workspace: &Workspace, plugins: &[Plugin]) -> Result<Built> {
    let packages = ["vestibule", "vestibule-demo-idp"].into_iter();
    let packages = packages.chain(plugins.iter().map(|plugin| plugin.package.as_str()));
    workspace.build(packages.flat_map(|package| ["-p", package]))
}

/// Two demos in one folder would take each other's database away. Held until dropped.
fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let file = File::create(&path).map_err(Error::file("write", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::AlreadyRunning { folder: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(Error::File { action: "lock", path, source }),
    }
}

fn forget_database(folder: &Path) -> Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let path = folder.join(format!("{DATABASE}{suffix}"));
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::File { action: "remove", path, source });
            }
            _ => {}
        }
    }
    Ok(())
}

/// A client secret of this run alone, in a file that only its owner reads, as the server asks of any.
fn new_secret(folder: &Path, provider: &str) -> Result<PathBuf> {
    let source = Path::new("/dev/urandom");
    let mut random = [0; 32];
    let read = File::open(source).and_then(|mut file| file.read_exact(&mut random));
    read.map_err(Error::file("read", source))?;

    let path = folder.join(format!("{provider}.secret"));
    // Removed first: the mode is given to a new file only.
    let _ = std::fs::remove_file(&path);
    let file = File::options().write(true).create_new(true).mode(0o600).open(&path);
    let written = file.and_then(|mut file| writeln!(file, "{}", hex(&random)));
    written.map_err(Error::file("write", &path))?;
    Ok(path)
}

fn pins(built: &Built, plugins: &[Plugin]) -> Result<BTreeMap<String, Pinned>> {
    let pin = |plugin: &Plugin| {
        let path = built.library(plugin)?.to_owned();
        let bytes = std::fs::read(&path).map_err(Error::file("read", &path))?;
        Ok((plugin.name.clone(), Pinned { path, sha256: hex(&Sha256::digest(&bytes)) }))
    };
    plugins.iter().map(pin).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn invitation(
    server: &str,
    lookalikes: &BTreeMap<String, Lookalike>,
    database: &str,
    config: &str,
) -> String {
    let mut text = format!("\nVestibule is at {server}\n\n");
    for (provider, lookalike) in lookalikes {
        text += &format!(
            "  {provider} is played by demo-idp at {}, with several people to choose from\n",
            lookalike.address
        );
    }
    text += "\n  try   sign in, sign out, and sign in as somebody else: a second user\n";
    text += "        sign in as the first person again: the same user as before\n";
    for (provider, lookalike) in lookalikes {
        if let Some(outsider) = lookalike.personality.outsider() {
            let groups = lookalike.personality.allowed_groups.join(", ");
            text += &format!(
                "        sign in through {provider} as {outsider}: turned away, since only {groups} is let in there\n"
            );
        }
    }
    for provider in lookalikes.keys() {
        text += &format!("        sqlite3 {database} 'select * from oauth_{provider}'\n");
    }
    text += &format!("        change {config}, then: target/debug/vestibule reload --config {config}\n");
    text += &format!("        target/debug/vestibule status --config {config}\n");
    text += "  stop  Ctrl-C ends everything; the next demo starts empty, or goes on from here with --keep\n";
    text
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_new_each_time_and_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let read = || {
            let path = new_secret(folder.path(), "github").unwrap();
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            std::fs::read_to_string(path).unwrap()
        };
        let (one, other) = (read(), read());
        assert_eq!(one.trim().len(), 64);
        assert_ne!(one, other);
    }

    #[test]
    fn two_demos_do_not_share_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let held = lock(folder.path()).unwrap();
        assert!(matches!(lock(folder.path()), Err(Error::AlreadyRunning { .. })));
        drop(held);
        lock(folder.path()).unwrap();
    }

    #[test]
    fn forgetting_takes_the_write_ahead_log_too() {
        let folder = tempfile::tempdir().unwrap();
        forget_database(folder.path()).unwrap();
        for name in ["vestibule.db", "vestibule.db-wal", "vestibule.db-shm", "config.toml"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        forget_database(folder.path()).unwrap();
        let left: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["config.toml"]);
    }

    #[test]
    fn the_invitation_names_every_provider_and_how_to_stop() {
        let lookalike = Lookalike {
            address: "http://127.0.0.1:4000".to_owned(),
            personality: lookalike::Personality::of("oidc", "work").unwrap(),
            client_id: CLIENT_ID,
            secret_file: "work.secret".to_owned(),
        };
        let lookalikes = BTreeMap::from([("work".to_owned(), lookalike)]);
        let text = invitation(
            "http://localhost:3000",
            &lookalikes,
            "target/demo/vestibule.db",
            "target/demo/config.toml",
        );
        assert!(text.contains("Vestibule is at http://localhost:3000\n"), "{text}");
        assert!(text.contains("sqlite3 target/demo/vestibule.db 'select * from oauth_work'"), "{text}");
        assert!(text.contains("vestibule reload --config target/demo/config.toml"), "{text}");
        assert!(text.contains("sign in through work as noor: turned away"), "{text}");
        assert!(text.contains("Ctrl-C"), "{text}");
    }
}
