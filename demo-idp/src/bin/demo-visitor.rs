//! `demo-visitor`: signs in without a person and says who it became. Exit status 0 only if every sign-in worked.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that people and scripts start")]

use std::process::ExitCode;

use clap::Parser;
use vestibule_demo_idp::visitor::{SignedIn, VisitError, Visitor};

/// Signs in at a server on loopback through its demo providers, as a browser would.
#[derive(Parser)]
#[command(name = "demo-visitor", version)]
struct Arguments {
    /// Address of the server
    #[arg(long, value_name = "URL", default_value = "http://localhost:8080")]
    server: String,

    /// Provider to sign in through, by its configured name
    #[arg(long, value_name = "NAME", required_unless_present = "all", conflicts_with = "all")]
    provider: Option<String>,

    /// Sign in through every provider that the sign-in page offers, each with a fresh browser
    #[arg(long)]
    all: bool,

    /// Whom to choose at the provider, by login; otherwise the first one offered
    #[arg(long, value_name = "LOGIN")]
    person: Option<String>,

    /// Path to land on after the sign-in
    #[arg(long, value_name = "PATH", default_value = "/account")]
    return_to: String,

    /// Print what `/api/v1/me` answers, one line of JSON for each provider
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let providers = match providers(&arguments).await {
        Ok(providers) if providers.is_empty() => {
            eprintln!("error: the sign-in page of `{}` offers no provider", arguments.server);
            return ExitCode::FAILURE;
        }
        Ok(providers) => providers,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut exit = ExitCode::SUCCESS;
    for provider in providers {
        match sign_in(&arguments, &provider).await {
            Ok(signed_in) if arguments.json => println!("{}", signed_in.me),
            Ok(signed_in) => println!("{}", line(&signed_in)),
            Err(error) => {
                eprintln!("error: {provider}: {error}");
                exit = ExitCode::FAILURE;
            }
        }
    }
    exit
}

async fn providers(arguments: &Arguments) -> Result<Vec<String>, VisitError> {
    match &arguments.provider {
        Some(provider) => Ok(vec![provider.clone()]),
        None => Visitor::new(&arguments.server)?.providers().await,
    }
}

async fn sign_in(arguments: &Arguments, provider: &str) -> Result<SignedIn, VisitError> {
    let mut visitor = Visitor::new(&arguments.server)?.returning_to(&arguments.return_to);
    visitor.sign_in(provider, arguments.person.as_deref()).await
}

fn line(signed_in: &SignedIn) -> String {
    format!(
        "{}: signed in as {} (id {}), landed on {}",
        signed_in.provider,
        signed_in.username().unwrap_or("nobody: no username in the answer"),
        signed_in.id().unwrap_or_else(|| "none".to_owned()),
        signed_in.landed,
    )
}
