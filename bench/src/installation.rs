//! A server with its folder, configuration and database, ready to be started, again and again: Vestibule or the bare
//! relying party. Knows the keys of the one and the arguments of the other, and no measurement.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use std::io::Write as _;

use crate::Bench;
use crate::error::{Result, at, doing};
use crate::process::Process;
use crate::provider::{CLIENT_ID, CLIENT_SECRET, Provider};
use crate::visitor::Site;

const SECRET_FILE: &str = "client-secret";
const CONFIG: &str = "config.toml";

/// Where a server keeps what it knows.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    /// A file in the installation's folder.
    Sqlite,
    /// `postgres://…`, of a database that is its own.
    Postgres(String),
}

impl Database {
    /// Its name in the table.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }
}

/// A server that can be started.
pub(crate) struct Installation {
    name: String,
    program: PathBuf,
    arguments: Vec<String>,
    folder: PathBuf,
    pub(crate) site: Site,
}

impl Installation {
    /// Vestibule with so many providers, all of the provider's plugin; the first has its name. Its folder starts empty.
    pub(crate) fn vestibule(
        bench: &Bench,
        name: &str,
        providers: usize,
        database: &Database,
        provider: &Provider,
    ) -> Result<Self> {
        let (folder, site) = prepare(bench, name, provider)?;
        let config = folder.join(CONFIG);
        let text = configuration(bench, &site, providers, database, provider)?;
        std::fs::write(&config, text).map_err(at("write", &config))?;
        let arguments = ["serve", "--config", CONFIG].map(str::to_owned).to_vec();
        Ok(Self {
            name: name.to_owned(),
            program: absolute(&bench.arguments.server)?,
            arguments,
            folder,
            site,
        })
    }

    /// The bare relying party. Its folder starts empty.
    pub(crate) fn bare(bench: &Bench, name: &str, database: &Database, provider: &Provider) -> Result<Self> {
        let (folder, site) = prepare(bench, name, provider)?;
        let database = match database {
            Database::Sqlite => "bare.db",
            Database::Postgres(url) => url,
        };
        let (place, address) = provider.place();
        let arguments = [
            ("--listen", site.address.to_string()),
            ("--public-url", format!("http://{}", site.host)),
            ("--database", database.to_owned()),
            (place, address),
            ("--client-id", CLIENT_ID.to_owned()),
            ("--client-secret-file", SECRET_FILE.to_owned()),
        ];
        let arguments = arguments.into_iter().flat_map(|(key, value)| [key.to_owned(), value]).collect();
        Ok(Self { name: name.to_owned(), program: absolute(&bench.arguments.bare)?, arguments, folder, site })
    }

    /// Starts it; the process, and how long it took to be ready.
    pub(crate) async fn start(&self, bench: &Bench) -> Result<(Process, Duration)> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.folder);
        let mut process = Process::start(bench.cores, &self.name, &mut command, &self.folder)?;
        let took = process.ready(self.site.address).await?;
        Ok((process, took))
    }
}

/// An empty folder with the client's secret, and a port that is free now.
fn prepare(bench: &Bench, name: &str, provider: &Provider) -> Result<(PathBuf, Site)> {
    let folder = bench.folder.join(name);
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(at("empty", &folder)(error));
        }
        _ => {}
    }
    std::fs::create_dir_all(&folder).map_err(at("make", &folder))?;
    let secret = folder.join(SECRET_FILE);
    let file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(&secret);
    file.and_then(|mut file| writeln!(file, "{CLIENT_SECRET}")).map_err(at("write", &secret))?;

    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    let address: SocketAddr = bound.map_err(doing("find a free port"))?;
    let host = format!("localhost:{}", address.port());
    provider.register(&format!("http://{host}"));
    Ok((folder, Site { address, host, name: provider.name(), provider: provider.address()? }))
}

fn configuration(
    bench: &Bench,
    site: &Site,
    providers: usize,
    database: &Database,
    provider: &Provider,
) -> Result<String> {
    let (plugin, place) = (provider.name(), provider.setting());
    let library = absolute(bench.arguments.plugin(plugin)?)?;
    let bytes = std::fs::read(&library).map_err(at("read", &library))?;
    let pin = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    let pin = data_encoding::HEXLOWER.encode(pin.as_ref());
    let database = match database {
        Database::Sqlite => "sqlite:vestibule.db",
        Database::Postgres(url) => url,
    };
    let mut text = format!(
        "[server]\npublic_url = \"http://{}\"\nlisten = \"{}\"\nbegin_rate = \"100000/min\"\n\
         [database]\nurl = \"{database}\"\n\
         [plugin.{plugin}]\npath = \"{}\"\nsha256 = [\"{pin}\"]\n",
        site.host,
        site.address,
        library.display()
    );
    for number in 1..=providers {
        let name = if number == 1 { plugin.to_owned() } else { format!("{plugin}_{number}") };
        text += &format!(
            "[provider.{name}]\nplugin = \"{plugin}\"\ntransport = \"in-process\"\n\
             [provider.{name}.settings]\n{place}\nclient_id = \"{CLIENT_ID}\"\n\
             client_secret_file = \"{SECRET_FILE}\"\n"
        );
    }
    Ok(text)
}

/// The program is started in another folder.
fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(at("find", path))
}
