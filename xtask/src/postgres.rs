//! A PostgreSQL server, and PgBouncer in front of it, for as long as a command runs: from Debian's packages, as a user that
//! may nothing, in a folder of its own below the system's temporary one. Knows nothing of what is done with them.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{DirBuilderExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use rustix::process::Signal;

use crate::error::{Error, Result};
use crate::program::{self, Interrupt, Program, User};

/// Where tests read the server's URL: an administrator's, with the database `postgres`.
pub(crate) const POSTGRES: &str = "VESTIBULE_TEST_POSTGRES";
/// The same through PgBouncer in transaction mode.
pub(crate) const PGBOUNCER: &str = "VESTIBULE_TEST_PGBOUNCER";

const FOLDER: &str = "vestibule-postgres-";

/// Running servers. Dropping this ends them and removes their folder.
pub(crate) struct Servers {
    programs: Vec<Program>,
    folder: PathBuf,
    variables: Vec<(&'static str, String)>,
}

/// A program that comes with PostgreSQL, or PgBouncer: where it is, in PATH or where Debian puts it.
pub(crate) fn locate(name: &str) -> Option<PathBuf> {
    program::in_path(name).or_else(|| {
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut versions: Vec<_> = versions
            .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())))
            .collect();
        versions.sort();
        let folders = versions.into_iter().rev().map(|(_, folder)| folder.join("bin"));
        folders
            .chain([PathBuf::from("/usr/sbin")])
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    })
}

impl Servers {
    /// Starts PostgreSQL, and PgBouncer if its program is given; they are ready when this returns.
    pub(crate) fn start(postgres: &Path, pgbouncer: Option<&Path>, interrupt: &Interrupt) -> Result<Self> {
        remove_leftovers();
        let user = User::that_may_nothing()?;
        let folder = std::env::temp_dir().join(format!("{FOLDER}{}", std::process::id()));
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .map_err(Error::file("make the folder", &folder))?;
        if let Some(user) = &user {
            let given = chown(&folder, Some(user.id), Some(user.group));
            given.map_err(Error::file("give away the folder", &folder))?;
        }
        let mut servers = Self { programs: Vec::new(), folder, variables: Vec::new() };
        let port = servers.start_postgres(postgres, user.as_ref(), interrupt)?;
        servers.variables.push((POSTGRES, url(port)));
        if let Some(pgbouncer) = pgbouncer {
            let port = servers.start_pgbouncer(pgbouncer, port, user.as_ref(), interrupt)?;
            servers.variables.push((PGBOUNCER, url(port)));
        }
        Ok(servers)
    }

    /// What tests find in their environment.
    pub(crate) fn variables(&self) -> &[(&'static str, String)] {
        &self.variables
    }

    fn start_postgres(&mut self, postgres: &Path, user: Option<&User>, interrupt: &Interrupt) -> Result<u16> {
        let initdb = postgres.with_file_name("initdb");
        let data = self.folder.join("data");
        let mut command = User::command(user, &initdb);
        command.args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8"]);
        // A locale's order, so that nothing rests on the order of bytes by chance.
        command.args(["--locale=C.UTF-8", "--pgdata"]).arg(&data).current_dir(&self.folder);
        made(&mut command)?;
        let port = free_port()?;
        let (port_setting, sockets) =
            (format!("port={port}"), format!("unix_socket_directories={}", self.folder.display()));
        let data = data.display().to_string();
        let mut arguments = vec!["-D", &data];
        // What is lost with the machine's power is only a test's.
        let settings = [
            "listen_addresses=127.0.0.1",
            &port_setting,
            &sockets,
            "fsync=off",
            "full_page_writes=off",
            "synchronous_commit=off",
            "max_connections=400",
            "shared_buffers=64MB",
            "log_line_prefix=",
        ];
        settings.iter().for_each(|setting| arguments.extend(["-c", setting]));
        let mut server = Program::start_as(user, "postgres", postgres, &arguments, &self.folder)?;
        server.wait_until(interrupt, |server| {
            server.line_after("LOG:  database system is ready to accept connections")
        })?;
        self.programs.push(server);
        Ok(port)
    }

    fn start_pgbouncer(
        &mut self,
        pgbouncer: &Path,
        server: u16,
        user: Option<&User>,
        interrupt: &Interrupt,
    ) -> Result<u16> {
        let port = free_port()?;
        let folder = self.folder.display();
        let settings = format!(
            "[databases]\n* = host={folder} port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {folder}/users\n\
             pool_mode = transaction\nmax_client_conn = 1000\ndefault_pool_size = 5\n"
        );
        for (name, text) in [("pgbouncer.ini", &*settings), ("users", "\"postgres\" \"\"\n")] {
            let file = self.folder.join(name);
            std::fs::write(&file, text).map_err(Error::file("write", &file))?;
        }
        let mut pooler = Program::start_as(user, "pgbouncer", pgbouncer, &["pgbouncer.ini"], &self.folder)?;
        pooler.wait_until(interrupt, |_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok())?;
        self.programs.push(pooler);
        Ok(port)
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        // The pooler first. QUIT ends PostgreSQL at once, whoever is connected.
        for program in self.programs.iter_mut().rev() {
            program.stop_by(Signal::QUIT, Duration::from_secs(10));
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// `cargo xtask postgres`: for a person who runs tests without `cargo xtask test`.
pub(crate) fn run() -> Result<ExitCode> {
    let needed = |program: &str| {
        locate(program).ok_or_else(|| Error::Requirements {
            names: format!("`{program}`"),
            cures: format!(
                "apt-get install {}",
                if program == "postgres" { "postgresql" } else { "pgbouncer" }
            ),
        })
    };
    let interrupt = Interrupt::watch()?;
    let mut servers = Servers::start(&needed("postgres")?, Some(&needed("pgbouncer")?), &interrupt)?;
    for (name, url) in servers.variables() {
        println!("export {name}={url}");
    }
    println!("(until Ctrl-C)");
    program::run_until_interrupted(&interrupt, &mut servers.programs)?;
    Ok(ExitCode::SUCCESS)
}

/// What a command that was killed outright could not remove.
fn remove_leftovers() {
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(FOLDER)?.parse::<u32>().ok());
        if owner.is_some_and(|owner| !Path::new(&format!("/proc/{owner}")).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn url(port: u16) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/postgres")
}

/// A port that nobody has at this moment.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    let address = listener.map_err(|source| Error::Start {
        program: "a listener".to_owned(),
        cure: "is there a loopback network?".to_owned(),
        source,
    })?;
    Ok(address.port())
}

fn made(command: &mut Command) -> Result<()> {
    let output = command.output().map_err(|source| Error::Start {
        program: "initdb".to_owned(),
        cure: "apt-get install postgresql".to_owned(),
        source,
    })?;
    if output.status.success() {
        return Ok(());
    }
    let last_lines = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let (program, log) = ("initdb".to_owned(), PathBuf::from("its standard error"));
    Err(Error::EndedEarly { program, status: output.status, log, last_lines })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_nowhere_is_not_found() {
        assert_eq!(locate("no-such-program-of-postgresql"), None);
    }
}
