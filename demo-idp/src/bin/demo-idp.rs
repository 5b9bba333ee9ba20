//! `demo-idp`: one provider on loopback, until interrupted. Arguments in, one line out when it is ready.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that people and scripts start")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use vestibule_demo_idp::{Client, DemoIdp, Endpoint, Fault, Options};

/// A GitHub lookalike on loopback: people to choose from, no passwords, faults by name.
#[derive(Parser)]
#[command(name = "demo-idp", version, after_help = AFTER)]
struct Arguments {
    /// Address to listen on: loopback only; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8400")]
    listen: SocketAddr,

    /// Client id of the application that may ask
    #[arg(long, value_name = "ID", default_value = "demo-client-1")]
    client_id: String,

    /// File that holds the client secret; blanks at its ends do not count
    #[arg(long, value_name = "FILE", required_unless_present = "list_faults")]
    client_secret_file: Option<PathBuf>,

    /// Where people may be sent back to, exactly; may be given again
    #[arg(long, value_name = "URI", required_unless_present = "list_faults")]
    redirect_uri: Vec<String>,

    /// Something that goes wrong at an endpoint, as in `token=slow`; may be given again
    #[arg(long, value_name = "ENDPOINT=FAULT", value_parser = Fault::parse_setting)]
    fault: Vec<(Endpoint, Fault)>,

    /// Print the faults and the endpoints at which each can be set
    #[arg(long)]
    list_faults: bool,
}

const AFTER: &str = "\
Example:
  demo-idp --client-secret-file secret --redirect-uri http://localhost:8080/auth/github/callback

Configure the relying party for GitHub Enterprise Server with the printed address as base URL.";

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    if arguments.list_faults {
        list_faults();
        return Ok(());
    }
    let secret = read_secret(arguments.client_secret_file.unwrap_or_default())?;
    let client = Client { id: arguments.client_id, secret, redirect_uris: arguments.redirect_uri };
    let options = Options { listen: arguments.listen, clients: vec![client], ..Options::default() };
    let idp = DemoIdp::start(options).await.map_err(|error| format!("cannot listen: {error}"))?;
    for (endpoint, fault) in arguments.fault {
        idp.set_fault(endpoint, fault);
    }
    println!("demo-idp listening on {}", idp.base_url());
    stopped().await.map_err(|error| format!("cannot wait for a signal: {error}"))
}

fn read_secret(file: PathBuf) -> Result<String, String> {
    let text = std::fs::read_to_string(&file)
        .map_err(|error| format!("cannot read the client secret from `{}`: {error}", file.display()))?;
    match text.trim() {
        "" => Err(format!("`{}` is empty; write the client secret into it", file.display())),
        secret => Ok(secret.to_owned()),
    }
}

async fn stopped() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

fn list_faults() {
    for fault in Fault::ALL {
        let endpoints: Vec<&str> = fault.endpoints().iter().map(|endpoint| endpoint.name()).collect();
        println!("{:<20} {}", fault.name(), fault.description());
        println!("{:<20}   at {}, all", "", endpoints.join(", "));
    }
}
