//! Where the workspace's parts are, and building them. Plugins are found by their folder, so that a new one is built and
//! pinned without a change here. Knows nothing of what is done with the results.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::error::{Error, Result};

/// The checkout that this program was started in.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Cargo's target folder, wherever the person's own settings put it.
    pub(crate) target: PathBuf,
}

/// One folder of `plugins/`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plugin {
    /// The folder's name, which is the plugin's.
    pub(crate) name: String,
    pub(crate) package: String,
    folder: PathBuf,
}

/// What one build made.
#[derive(Debug, Default)]
pub(crate) struct Built {
    programs: BTreeMap<String, PathBuf>,
    /// By the folder of the package.
    libraries: BTreeMap<PathBuf, PathBuf>,
}

impl Workspace {
    pub(crate) fn find() -> Result<Self> {
        let answer = answer_of(cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
        let path = |key: &str| {
            answer[key].as_str().map(PathBuf::from).ok_or_else(|| Error::Answer {
                command: "cargo metadata".to_owned(),
                detail: format!("no `{key}`"),
            })
        };
        Ok(Self { root: path("workspace_root")?, target: path("target_directory")? })
    }

    /// The provider plugins, by name.
    pub(crate) fn plugins(&self) -> Result<Vec<Plugin>> {
        plugins_in(&self.root.join("plugins"))
    }

    /// The plugins that only tests load, by name.
    pub(crate) fn test_plugins(&self) -> Result<Vec<Plugin>> {
        plugins_in(&self.root.join("host/tests/plugins"))
    }

    /// Builds in one call of cargo, whose progress and diagnostics go straight to the terminal.
    pub(crate) fn build<'a>(&self, selection: impl IntoIterator<Item = &'a str>) -> Result<Built> {
        let mut command = cargo();
        command.current_dir(&self.root).args(["build", "--message-format=json-render-diagnostics"]);
        command.args(selection).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(start_error("cargo"))?;
        let mut built = Built::default();
        if let Some(messages) = child.stdout.take() {
            for line in BufReader::new(messages).lines() {
                let line = line.map_err(Error::file("read", Path::new("cargo's messages")))?;
                built.note(&line);
            }
        }
        let status = child.wait().map_err(start_error("cargo"))?;
        if status.success() {
            Ok(built)
        } else {
            Err(Error::Command { command: "cargo build".to_owned(), status })
        }
    }

    /// A path as people want to read it: from the root, where it lies below it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

impl Built {
    /// The executable of that name.
    pub(crate) fn program(&self, name: &str) -> Result<&Path> {
        self.programs.get(name).map(PathBuf::as_path).ok_or_else(|| Error::Answer {
            command: "cargo build".to_owned(),
            detail: format!("it built no program `{name}`"),
        })
    }

    /// The shared library of a plugin.
    pub(crate) fn library(&self, plugin: &Plugin) -> Result<&Path> {
        self.libraries.get(&plugin.folder).map(PathBuf::as_path).ok_or_else(|| Error::Configuration {
            place: plugin.folder.join("Cargo.toml").display().to_string(),
            problem: "it makes no shared library; set `crate-type = [\"cdylib\", \"rlib\"]` under `[lib]`"
                .to_owned(),
        })
    }

    /// Takes in one of cargo's messages; those about other things than artefacts are none of our business.
    fn note(&mut self, line: &str) {
        let Ok(message) = serde_json::from_str::<Value>(line) else { return };
        if message["reason"] != "compiler-artifact" {
            return;
        }
        if let (Some(name), Some(path)) = (message["target"]["name"].as_str(), message["executable"].as_str())
            && message["profile"]["test"] == false
        {
            self.programs.insert(name.to_owned(), path.into());
        }
        let folder = message["manifest_path"].as_str().and_then(|path| Path::new(path).parent());
        let files = message["filenames"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let library = files.into_iter().find(|file| file.ends_with(std::env::consts::DLL_SUFFIX));
        let kinds = message["target"]["kind"].as_array();
        if let (Some(folder), Some(library)) = (folder, library)
            && kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib"))
        {
            self.libraries.insert(folder.to_owned(), library.into());
        }
    }
}

/// The cargo that runs us, so that toolchain and settings are the same.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// Runs to the end and reads the JSON that it printed; what it says besides goes to the terminal.
pub(crate) fn answer_of(command: &mut Command) -> Result<Value> {
    let shown = shown(command);
    let output =
        command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(start_error("cargo"))?;
    if !output.status.success() {
        return Err(Error::Command { command: shown, status: output.status });
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Error::Answer { command: shown, detail: error.to_string() })
}

/// A command as it would be typed, with the program's name and not its path.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn start_error(program: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::Start { program: program.to_owned(), cure: "is it in PATH?".to_owned(), source }
}

fn plugins_in(folder: &Path) -> Result<Vec<Plugin>> {
    let mut plugins = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::file("read the folder", folder))? {
        let folder = entry.map_err(Error::file("read the folder", folder))?.path();
        let manifest = folder.join("Cargo.toml");
        let Some(name) = folder.file_name().and_then(|name| name.to_str()).filter(|_| manifest.is_file())
        else {
            continue;
        };
        let text = std::fs::read_to_string(&manifest).map_err(Error::file("read", &manifest))?;
        let fault = |problem| Error::Configuration { place: manifest.display().to_string(), problem };
        let document: toml_edit::DocumentMut =
            text.parse().map_err(|error: toml_edit::TomlError| fault(error.to_string()))?;
        let package = document.get("package").and_then(|package| package.get("name")?.as_str());
        let package = package.ok_or_else(|| fault("no `package.name`".to_owned()))?.to_owned();
        plugins.push(Plugin { name: name.to_owned(), package, folder });
    }
    plugins.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(plugins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_folder_with_a_manifest_as_a_plugin() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["gitlab", "github"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            let manifest = format!("[package]\nname = \"vestibule-plugin-{name}\"\n");
            std::fs::write(folder.path().join(name).join("Cargo.toml"), manifest).unwrap();
        }
        std::fs::create_dir(folder.path().join("notes")).unwrap();
        let found = plugins_in(folder.path()).unwrap();
        let found: Vec<_> =
            found.iter().map(|plugin| (plugin.name.as_str(), plugin.package.as_str())).collect();
        assert_eq!(found, [("github", "vestibule-plugin-github"), ("gitlab", "vestibule-plugin-gitlab")]);
    }

    #[test]
    fn takes_programs_and_plugin_libraries_from_cargos_messages() {
        let mut built = Built::default();
        built.note("plain text that a build script printed");
        built.note(
            r#"{"reason":"compiler-artifact","manifest_path":"/w/plugins/github/Cargo.toml","profile":{"test":false},
            "target":{"kind":["cdylib","rlib"],"name":"vestibule_plugin_github"},"executable":null,
            "filenames":["/t/libvestibule_plugin_github.rlib","/t/libvestibule_plugin_github.so"]}"#,
        );
        built.note(
            r#"{"reason":"compiler-artifact","manifest_path":"/r/x/Cargo.toml","profile":{"test":false},
            "target":{"kind":["proc-macro"],"name":"x"},"executable":null,"filenames":["/t/libx.so"]}"#,
        );
        for (test, path) in [("false", "/t/vestibule"), ("true", "/t/deps/vestibule-1f")] {
            built.note(&format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/w/host/Cargo.toml","profile":{{"test":{test}}},
                "target":{{"kind":["bin"],"name":"vestibule"}},"executable":"{path}","filenames":["{path}"]}}"#,
            ));
        }
        let plugin =
            |folder: &str| Plugin { name: "p".to_owned(), package: "p".to_owned(), folder: folder.into() };
        let library = built.library(&plugin("/w/plugins/github")).unwrap();
        assert_eq!(library, Path::new("/t/libvestibule_plugin_github.so"));
        assert_eq!(built.program("vestibule").unwrap(), Path::new("/t/vestibule"));
        let refused = built.library(&plugin("/r/x")).unwrap_err().to_string();
        assert!(refused.starts_with("/r/x/Cargo.toml: it makes no shared library"), "{refused}");
        assert!(built.program("demo-idp").is_err());
    }
}
