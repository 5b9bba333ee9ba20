//! `bare`: the relying party that Vestibule is compared with, as a program. Arguments in, one line out when it is ready.

#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "a program that another one starts")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use axum::serve::ListenerExt as _;
use clap::Parser;
use tokio::net::TcpListener;
use vestibule_bench::bare::{GitHub, Oidc, Party, Provider, Store, router};

/// A relying party for one provider, written by hand, for comparison
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
    /// GitHub's address
    #[arg(long, required_unless_present = "issuer")]
    base_url: Option<String>,
    /// An issuer of OpenID Connect instead, as its metadata spells it
    #[arg(long, conflicts_with = "base_url")]
    issuer: Option<String>,
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
    let (id, secret) = (&arguments.client_id, secret.trim());
    let redirect_uri = |name: &str| format!("{}/auth/{name}/callback", arguments.public_url);
    let provider = match &arguments.issuer {
        Some(issuer) => {
            Provider::Oidc(Oidc::discover(issuer, id, secret, redirect_uri("oidc")).await?.into())
        }
        None => {
            let base_url = arguments.base_url.as_deref().unwrap_or_default();
            Provider::GitHub(GitHub::new(base_url, id, secret, redirect_uri("github"))?)
        }
    };
    let store = if arguments.database.starts_with("postgres://") {
        Store::postgres(&arguments.database).await?
    } else {
        Store::sqlite(arguments.database.as_ref()).await?
    };
    let listener = TcpListener::bind(arguments.listen).await?.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router(Party { store, provider })).await?;
    Ok(())
}
