//! `cargo xtask bench`: builds as for a release, and starts the program that measures. Knows what to build and nothing of
//! what is measured; that is `vestibule-bench`'s.

use std::process::{Command, ExitCode};

use crate::error::{Error, Result};
use crate::workspace::{Built, Plugin, Workspace, shown};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Fewer and shorter rounds: to see that everything works, not for figures
    #[arg(long)]
    quick: bool,
    /// Measure the development build, which is there sooner: not for figures either
    #[arg(long)]
    debug: bool,
    /// Only some rows: `boundary`, `sign-in`, `session`, `start`, or a part of these, or a database's name
    filter: Option<String>,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let plugin = |plugins: Vec<Plugin>, name: &str| {
        let place = workspace.root.join("plugins").display().to_string();
        let missing = || Error::Configuration { place, problem: format!("there is no plugin `{name}`") };
        plugins.into_iter().find(|plugin| plugin.name == name).ok_or_else(missing)
    };
    let github = plugin(workspace.plugins()?, "github")?;
    let oidc = plugin(workspace.plugins()?, "oidc")?;
    let misbehaving = plugin(workspace.test_plugins()?, "misbehaving")?;

    let programs = build(workspace, options, "--release", &["vestibule", "vestibule-bench"])?;
    // As plugins are shipped, which is not as the server is.
    let packages = [github.package.as_str(), oidc.package.as_str(), misbehaving.package.as_str()];
    let libraries = build(workspace, options, "--profile=plugin", &packages)?;
    let profile = if options.debug { "dev, so no figures" } else { "release; plugins: profile plugin" };

    let folder = workspace.target.join("bench");
    let mut command = Command::new(programs.program("vestibule-bench")?);
    command.current_dir(&workspace.root);
    command.arg("--server").arg(programs.program("vestibule")?);
    command.arg("--bare").arg(programs.program("bare")?);
    command.arg("--github").arg(libraries.library(&github)?);
    command.arg("--oidc").arg(libraries.library(&oidc)?);
    command.arg("--misbehaving").arg(libraries.library(&misbehaving)?);
    command.arg("--folder").arg(folder).arg("--profile").arg(profile);
    command.args(options.quick.then_some("--quick")).args(&options.filter);
    let status = command.status().map_err(|source| Error::Start {
        program: shown(&command),
        cure: "was it built?".to_owned(),
        source,
    })?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn build(workspace: &Workspace, options: &Options, profile: &str, packages: &[&str]) -> Result<Built> {
    let profile = if options.debug { "--profile=dev" } else { profile };
    let selection = packages.iter().flat_map(|package| ["-p", *package]);
    workspace.build(std::iter::once(profile).chain(selection))
}
