//! PostgreSQL for the measurements: Debian's programs, a new cluster on the disk that is measured, with the settings that
//! it comes with. So `fsync` and `synchronous_commit` are on. It runs on the load's core.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _};
use vestibule_bench::clock::Stopwatch;

use crate::Bench;
use crate::error::{Error, Result, at, doing};
use crate::installation::Database;
use crate::process::Process;

const USER: &str = "bench";
/// How long a cluster may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running cluster with three empty databases.
pub(crate) struct Postgres {
    process: Process,
    port: u16,
}

impl Postgres {
    /// Makes a cluster and starts it; `None` where PostgreSQL is not installed.
    pub(crate) async fn start(bench: &Bench) -> Result<Option<Self>> {
        let Some(programs) = programs() else { return Ok(None) };
        let owner = Owner::find()?;
        let folder = bench.folder.join("postgres");
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(at("empty", &folder)(error));
            }
            _ => {}
        }
        std::fs::create_dir_all(&folder).map_err(at("make", &folder))?;
        owner.give(&folder)?;
        let cluster = folder.join("cluster");

        let mut initdb = owner.command(&programs.join("initdb"));
        initdb
            .args(["--auth=trust", "--encoding=UTF8", "--no-locale", "--username", USER, "-D"])
            .arg(&cluster);
        let made =
            initdb.current_dir(&folder).stdin(Stdio::null()).output().map_err(doing("start `initdb`"))?;
        if !made.status.success() {
            let said = String::from_utf8_lossy(&made.stderr).trim().to_owned();
            return Err(Error::new(format!("`initdb` failed: {}: {said}", made.status)));
        }

        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let port = bound.map_err(doing("find a free port"))?.port();
        let mut server = owner.command(&programs.join("postgres"));
        server.current_dir(&folder).arg("-D").arg(&cluster);
        server.args([
            "-c",
            "listen_addresses=127.0.0.1",
            "-p",
            &port.to_string(),
            "-c",
            "unix_socket_directories=",
        ]);
        let process = Process::start_beside("postgres", &mut server, &bench.folder)?;
        let postgres = Self { process, port };
        postgres.make_databases().await?;
        Ok(Some(postgres))
    }

    /// The server's database.
    pub(crate) fn vestibule(&self) -> Database {
        Database::Postgres(self.url("vestibule"))
    }

    /// The bare relying party's.
    pub(crate) fn bare(&self) -> Database {
        Database::Postgres(self.url("bare"))
    }

    /// How to connect to the one that nothing but commits is measured in.
    pub(crate) fn commits(&self) -> PgConnectOptions {
        self.options("commits")
    }

    /// Ends it.
    pub(crate) async fn stop(self) -> Result<()> {
        self.process.stop().await
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    fn options(&self, database: &str) -> PgConnectOptions {
        let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(self.port).username(USER);
        options.database(database).ssl_mode(PgSslMode::Disable).disable_statement_logging()
    }

    async fn make_databases(&self) -> Result<()> {
        let watch = Stopwatch::start();
        let options = self.options("postgres");
        let mut connection = loop {
            match PgConnection::connect_with(&options).await {
                Ok(connection) => break connection,
                Err(_) if watch.read() < PATIENCE => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(error) => return Err(self.process.failed(&format!("does not answer: {error}"))),
            }
        };
        for statement in ["CREATE DATABASE vestibule", "CREATE DATABASE bare", "CREATE DATABASE commits"] {
            sqlx::query(statement).execute(&mut connection).await.map_err(doing("make a database"))?;
        }
        connection.close().await.map_err(doing("close a connection"))
    }
}

/// What `postgres --version` says, if it is installed.
pub(crate) fn version() -> Option<String> {
    let output = Command::new(programs()?.join("postgres")).arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Where `initdb` and `postgres` are: the newest of Debian's, or a folder of PATH.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<_> = versions
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .collect();
    versions.sort_unstable();
    let debian = versions.into_iter().rev().map(|(_, folder)| folder);
    let path = std::env::var_os("PATH").unwrap_or_default();
    debian
        .chain(std::env::split_paths(&path))
        .find(|folder| ["initdb", "postgres"].iter().all(|program| folder.join(program).is_file()))
}

/// Who runs it: PostgreSQL refuses to run as root, so then it is the user that Debian's package makes.
struct Owner(Option<(u32, u32)>);

impl Owner {
    fn find() -> Result<Self> {
        let own = std::fs::metadata("/proc/self").map_err(doing("ask who we are"))?;
        if own.uid() != 0 {
            return Ok(Self(None));
        }
        let users = std::fs::read_to_string("/etc/passwd").map_err(at("read", Path::new("/etc/passwd")))?;
        let fields = users.lines().find_map(|line| line.strip_prefix("postgres:"));
        let mut ids = fields.into_iter().flat_map(|line| line.split(':').skip(1).map(str::parse::<u32>));
        match (ids.next(), ids.next()) {
            (Some(Ok(user)), Some(Ok(group))) => Ok(Self(Some((user, group)))),
            _ => Err(Error::new("PostgreSQL does not run as root, and there is no user `postgres`")),
        }
    }

    fn give(&self, folder: &Path) -> Result<()> {
        let Some((user, group)) = self.0 else { return Ok(()) };
        chown(folder, Some(user), Some(group)).map_err(at("give away", folder))
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some((user, group)) = self.0 {
            command.uid(user).gid(group);
        }
        command
    }
}
