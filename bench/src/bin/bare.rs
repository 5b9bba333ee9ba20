//! `bare`: the relying party that Vestibule is compared with, as a program. Arguments in, one line out when it is ready.

#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "a program that another one starts")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use axum::serve::ListenerExt as _;
use clap::Parser;
use tokio::net::TcpListener;
use vestibule_bench::bare::{GitHub, Party, Store, router};

/// A relying party for one GitHub, written by hand, for comparison
#[derive(Parser)]
#[command(name = "bare")]
struct Arguments {
    /// Address to listen on
    #[arg(long)]
    listen: SocketAddr,
    /// Where browsers reach it, without a final slash
    #[arg(long)]
    public_url: String,
    /// A file's path, or `postgres://…`
    #[arg(long)]
    database: String,
    /// The provider's address
    #[arg(long)]
    base_url: String,
    /// Client id
    #[arg(long)]
    client_id: String,
    /// File that holds the client secret
    #[arg(long)]
    client_secret_file: PathBuf,
}

// The flavour of Vestibule's runtime: a worker for each core that the process may use.
#[tokio::main(flavor = "multi_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let secret = std::fs::read_to_string(&arguments.client_secret_file)?;
    let redirect_uri = format!("{}/auth/github/callback", arguments.public_url);
    let github = GitHub::new(&arguments.base_url, &arguments.client_id, secret.trim(), redirect_uri)?;
    let store = if arguments.database.starts_with("postgres://") {
        Store::postgres(&arguments.database).await?
    } else {
        Store::sqlite(arguments.database.as_ref()).await?
    };
    let listener = TcpListener::bind(arguments.listen).await?.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router(Party { store, github })).await?;
    Ok(())
}
