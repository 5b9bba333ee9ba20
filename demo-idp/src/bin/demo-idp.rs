//! `demo-idp`: one provider on loopback, until interrupted. Arguments in, one line out when it is ready.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that people and scripts start")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser};
use vestibule_demo_idp::{
    Algorithm, CallbackIssuer, Client, DemoIdp, Endpoint, Fault, Options, Personality, Pkce, TokenAuth,
};

/// A lookalike of an identity provider on loopback: people to choose from, no passwords, faults by name.
#[derive(Parser)]
#[command(name = "demo-idp", version, after_help = AFTER)]
struct Arguments {
    /// Whom to play: github, oidc or gitlab
    #[arg(long = "as", value_name = "PERSONALITY", default_value_t)]
    personality: Personality,

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

    #[command(flatten)]
    choices: Choices,
}

/// What an OpenID provider may do in one way or another; without effect as GitHub.
#[derive(Args)]
#[command(next_help_heading = "OpenID providers")]
struct Choices {
    /// Path before all others, as /realms/demo, or GitLab's relative URL root
    #[arg(long, value_name = "PATH")]
    base_path: Option<String>,

    /// End the issuer in a slash (oidc)
    #[arg(long)]
    issuer_slash: bool,

    /// RS256 or ES256; the first one signs; may be given again
    #[arg(long, value_name = "NAME")]
    algorithm: Vec<Algorithm>,

    /// client_secret_basic or client_secret_post; may be given again
    #[arg(long, value_name = "METHOD")]
    token_auth: Vec<TokenAuth>,

    /// Whether callbacks name the issuer: announced, unannounced or absent
    #[arg(long, value_name = "RULE")]
    callback_issuer: Option<CallbackIssuer>,

    /// What becomes of code challenges: supported, required or refused
    #[arg(long, value_name = "RULE")]
    pkce: Option<Pkce>,
}

impl Choices {
    fn apply(self, options: &mut Options) {
        let openid = &mut options.openid;
        openid.base_path = self.base_path.unwrap_or_default();
        openid.issuer_slash = self.issuer_slash;
        if !self.algorithm.is_empty() {
            openid.algorithms = self.algorithm;
        }
        if !self.token_auth.is_empty() {
            openid.token_auth = self.token_auth;
        }
        openid.callback_issuer = self.callback_issuer.unwrap_or(openid.callback_issuer);
        openid.pkce = self.pkce.unwrap_or(openid.pkce);
    }
}

const AFTER: &str = "\
Examples:
  demo-idp --client-secret-file secret --redirect-uri http://localhost:8080/auth/github/callback
  demo-idp --as oidc --client-secret-file secret --redirect-uri http://localhost:8080/auth/oidc/callback

Configure the relying party with the printed address: as base URL of GitHub Enterprise Server or GitLab, as issuer of an
OpenID provider.";

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
    let mut options = Options::of(arguments.personality);
    options.listen = arguments.listen;
    options.clients = vec![client];
    options.faults = arguments.fault;
    arguments.choices.apply(&mut options);
    let idp = DemoIdp::start(options).await.map_err(|error| format!("cannot start: {error}"))?;
    let address =
        if idp.personality() == Personality::Oidc { idp.issuer() } else { idp.base_url().to_owned() };
    println!("demo-idp listening on {address}");
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
        let played: Vec<&str> = Personality::ALL
            .into_iter()
            .filter(|personality| !fault.endpoints_of(*personality).is_empty())
            .map(Personality::name)
            .collect();
        println!("{:<27} {}", fault.name(), fault.description());
        println!("{:<27}   as {}, at {}, all", "", played.join(", "), endpoints.join(", "));
    }
}
