//! A PostgreSQL server of a test's own, for what the one that all tests share must not be put through: a full disk, a
//! failover, settings of the whole server. Its programs and its user are those of the shared one.

use std::fs::{File, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use tempfile::TempDir;

use crate::database::server;
use crate::process::{free_port, until};

/// Where PostgreSQL's programs are, and whom they run as.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    folder: PathBuf,
    /// User and group.
    pub(crate) owner: (u32, u32),
}

/// A running server; it is ended with this.
pub(crate) struct Cluster {
    process: Child,
    port: u16,
    programs: Programs,
    /// Its log, and what else is not on its data's disk.
    beside: TempDir,
}

impl Programs {
    /// Those of the shared server.
    pub(crate) async fn look() -> Self {
        let mut connection = PgConnection::connect(&format!("{}/postgres", server())).await.unwrap();
        let (folder, data): (String, String) = sqlx::query_as(
            "SELECT (SELECT setting FROM pg_config WHERE name = 'BINDIR'), current_setting('data_directory')",
        )
        .fetch_one(&mut connection)
        .await
        .unwrap();
        let data = std::fs::metadata(data).unwrap();
        Self { folder: folder.into(), owner: (data.uid(), data.gid()) }
    }

    /// One of them, as its user. It ends with the thread that starts it.
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new("setpriv");
        if geteuid().is_root() {
            let (user, group) = self.owner;
            command.args(["--reuid", &user.to_string(), "--regid", &group.to_string(), "--clear-groups"]);
        }
        command.args(["--pdeathsig", "INT", "--"]).arg(self.folder.join(name)).stdin(Stdio::null());
        command
    }

    /// A folder that belongs to their user.
    pub(crate) fn folder(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
        chown(folder.path(), Some(self.owner.0), Some(self.owner.1)).unwrap();
        folder
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

impl Cluster {
    /// A new one, whose tables are in `data`, an empty folder of its user's. Its own log of changes is elsewhere: a server
    /// that cannot write that stops altogether.
    pub(crate) async fn new(programs: &Programs, data: &Path) -> Self {
        let beside = programs.folder();
        let mut initdb = programs.command("initdb");
        initdb.args([
            "--no-sync",
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ]);
        initdb.arg("--waldir").arg(beside.path().join("wal")).arg("--pgdata").arg(data);
        run(initdb.current_dir(beside.path()));
        Self::start(programs, data, beside).await
    }

    /// A standby of this one, in `data`, and as it is at this moment.
    pub(crate) async fn standby(&self, data: &Path) -> Self {
        let beside = self.programs.folder();
        let mut copy = self.programs.command("pg_basebackup");
        copy.args(["--no-sync", "--checkpoint=fast", "--write-recovery-conf", "--host=127.0.0.1"]);
        copy.args(["--username=postgres", "--port", &self.port.to_string(), "--pgdata"]).arg(data);
        run(copy.current_dir(beside.path()));
        Self::start(&self.programs, data, beside).await
    }

    async fn start(programs: &Programs, data: &Path, beside: TempDir) -> Self {
        let port = free_port();
        let log = beside.path().join("log");
        let mut postgres = programs.command("postgres");
        postgres.arg("-D").arg(data).current_dir(beside.path());
        let port_setting = format!("port={port}");
        for setting in [
            "listen_addresses=127.0.0.1",
            &port_setting,
            "unix_socket_directories=",
            "fsync=off",
            "shared_buffers=8MB",
            "autovacuum=off",
            "max_connections=50",
        ] {
            postgres.args(["-c", setting]);
        }
        let writing = File::create(&log).unwrap();
        let process = postgres.stdout(writing.try_clone().unwrap()).stderr(writing).spawn().unwrap();
        let mut cluster = Self { process, port, programs: programs.clone(), beside };
        let mut ended = None;
        until(|| {
            let said = std::fs::read_to_string(&log).unwrap();
            ended = cluster.process.try_wait().unwrap();
            ended.is_some() || said.contains("database system is ready to accept")
        })
        .await;
        assert!(ended.is_none(), "PostgreSQL ended: {}", cluster.log());
        cluster
    }

    /// The URL of its database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.beside.path().join("log")).unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // At once, whoever is connected.
        let _ = kill_process(Pid::from_child(&self.process), Signal::QUIT);
        let _ = self.process.wait();
    }
}
