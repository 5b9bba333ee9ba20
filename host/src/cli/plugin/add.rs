//! `vestibule plugin add`: checks a file, puts a library out of an archive on its shelf, and pins it.

use std::path::{Component, Path, PathBuf};

use data_encoding::HEXLOWER;
use serde_json::json;

use super::archive::{self, Package};
use super::edit::{self, Keep};
use super::target::Target;
use super::{Answer, Failure, digests, list, next, shelf};
use crate::config::{Pin, PluginConfig, PluginSections, plugin_sections};
use crate::exit::ExitCode;
use crate::name::PluginName;
use crate::plugin::file::{self, Examined};
use crate::plugin::{LoadError, Refusal};

/// What somebody wants to add.
pub(super) struct Parcel {
    pub(super) library: Examined,
    pub(super) manifest: Option<super::manifest::Manifest>,
}

/// Reads a library or an archive, and checks all that can be checked before anything of it runs.
pub(super) fn open(path: &Path) -> Result<Parcel, Failure> {
    let refuse = |why: Refusal| match why {
        Refusal::Unreadable(error) => Failure::plugin(format!(
            "{}: cannot be read: {error}; name a library (.so) or an archive (.tar.zst)",
            path.display()
        )),
        Refusal::NotALibrary(what) => Failure::plugin(format!(
            "{}: is neither a shared library ({what}) nor an archive (.tar.zst)",
            path.display()
        )),
        why => LoadError { path: path.to_owned(), why }.into(),
    };
    let bytes = file::content(path).map_err(refuse)?;
    if archive::is_archive(&bytes) {
        let Package { library, manifest } =
            archive::read(&bytes).map_err(|why| Failure::plugin(format!("{}: {why}", path.display())))?;
        return Ok(Parcel { library, manifest: Some(manifest) });
    }
    Ok(Parcel { library: file::examine(bytes).map_err(refuse)?, manifest: None })
}

pub(super) fn add(path: &Path, to: Option<&Path>, config: &Path) -> Result<Answer, Failure> {
    let parcel = open(path)?;
    let library = &parcel.library;
    // The section's name has been checked to be one.
    let name: PluginName = library.descriptor.name.parse().map_err(Failure::plugin)?;
    let target = Target::open(config)?;
    let before = plugin_sections(&target.text, config)?;
    let folder = config.parent().unwrap_or(Path::new(""));
    let shelf = match to {
        Some(to) => Some(to.to_owned()),
        None => parcel.manifest.is_some().then(|| folder.join("plugins")),
    };
    let stays = match &shelf {
        Some(shelf) => shelf.join(shelf::name(library)),
        None => path.to_owned(),
    };
    let written = written(&stays, folder)?;
    let place = folder.join(&written);
    let (change, keep) = change(before.plugins.get(&name), &place, library, &name);
    let pin = HEXLOWER.encode(&library.sha256);
    let keep = match &keep {
        Some(pin) => Keep::Current(pin),
        None => Keep::Older,
    };
    if !matches!(change, Change::None) {
        let text = edit::point(&target.text, &name, &written, &pin, keep).unwrap_or_default();
        let after = checked(&text, config, &before, &name, Some((&place, &[Pin(library.sha256)])))?;
        if let Some(shelf) = &shelf {
            shelf::place(shelf, library, &target.locked)?;
        }
        target.replace(&text)?;
        return Ok(answer(&change, &after, &name, library, config, &pin));
    }
    if let Some(shelf) = &shelf {
        shelf::place(shelf, library, &target.locked)?;
    }
    Ok(answer(&change, &before, &name, library, config, &pin))
}

/// What an `add` does to a section.
enum Change {
    None,
    New,
    /// From this version, and whether that one is kept.
    From {
        version: String,
        is_kept: bool,
    },
    /// From a library that is not as it was pinned: why.
    FromLost(String),
}

/// What is to be done, and the pin of the library that is there now, if that one can be gone back to.
fn change(
    section: Option<&Result<PluginConfig, Vec<crate::config::Fault>>>,
    place: &Path,
    library: &Examined,
    name: &PluginName,
) -> (Change, Option<String>) {
    let section = match section {
        None => return (Change::New, None),
        Some(Err(_)) => return (Change::FromLost("its section was at fault".to_owned()), None),
        Some(Ok(section)) => section,
    };
    let same = std::path::absolute(&section.path).ok() == std::path::absolute(place).ok();
    if same && section.sha256.contains(&Pin(library.sha256)) {
        return (Change::None, None);
    }
    let there = if section.sha256.is_empty() {
        file::content(&section.path).and_then(file::examine)
    } else {
        file::verify(&section.path, &digests(&section.sha256), name)
    };
    match there {
        Ok(there) if there.descriptor.name == name.as_str() => {
            let is_kept = there.sha256 != library.sha256;
            let pin = is_kept.then(|| HEXLOWER.encode(&there.sha256));
            (Change::From { version: there.descriptor.version, is_kept }, pin)
        }
        Ok(there) => (
            Change::FromLost(format!("{} is the plugin `{}`", section.path.display(), there.descriptor.name)),
            None,
        ),
        Err(Refusal::WrongPin { .. }) if same => {
            (Change::FromLost("the library before it was overwritten".to_owned()), None)
        }
        Err(why) => {
            let state = list::state(&why);
            let is = if matches!(why, Refusal::WrongPin { .. }) { "" } else { "is " };
            (Change::FromLost(format!("{} {is}{state}", section.path.display())), None)
        }
    }
}

/// The path as it stands in the configuration: relative to its folder if it is below that, else absolute.
fn written(path: &Path, folder: &Path) -> Result<String, Failure> {
    let absolute = |path: &Path| {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        std::path::absolute(path).map_err(|error| Failure::other(format!("{}: {error}", path.display())))
    };
    let (mut path, folder) = (absolute(path)?, absolute(folder)?);
    if path.components().any(|part| part == Component::ParentDir)
        && let (Some(above), Some(name)) = (path.parent(), path.file_name())
        && let Ok(above) = above.canonicalize()
    {
        path = above.join(name);
    }
    let path: PathBuf = path.strip_prefix(&folder).map(Path::to_owned).unwrap_or(path);
    path.into_os_string().into_string().map_err(|path| {
        Failure::other(format!("the path {} is not UTF-8, which a configuration has to be", path.display()))
    })
}

/// Reads the new text as the server will: the section says what it should, and no other one has changed.
pub(super) fn checked(
    text: &str,
    config: &Path,
    before: &PluginSections,
    name: &PluginName,
    wanted: Option<(&Path, &[Pin])>,
) -> Result<PluginSections, Failure> {
    let after = plugin_sections(text, config)?;
    if let Some(Err(faults)) = after.plugins.get(name) {
        return Err(faults.clone().into());
    }
    let is_there = match (after.plugins.get(name), wanted) {
        (Some(Ok(section)), Some((path, pins))) => section.path == path && section.sha256 == pins,
        (None, None) => true,
        _ => false,
    };
    let said = |sections: &PluginSections| {
        let others = sections.plugins.iter().filter(|(other, _)| *other != name);
        let say = |section: &PluginConfig| (section.path.clone(), section.sha256.clone());
        let others: Vec<_> =
            others.map(|(name, found)| (name.clone(), found.as_ref().ok().map(say))).collect();
        let uses: Vec<_> =
            sections.uses.iter().map(|one| (one.provider.clone(), one.plugin.clone())).collect();
        (others, uses)
    };
    if is_there && said(&after) == said(before) {
        return Ok(after);
    }
    Err(Failure::configuration(format!(
        "{}: `plugin.{name}` is written in a way that cannot be changed from here; write it as a section \
         `[plugin.{name}]` with `path` and `sha256`",
        config.display()
    )))
}

fn answer(
    change: &Change,
    sections: &PluginSections,
    name: &PluginName,
    library: &Examined,
    config: &Path,
    pin: &str,
) -> Answer {
    let (version, epoch) = (&library.descriptor.version, library.descriptor.epoch);
    let section = sections.plugins.get(name).and_then(|section| section.as_ref().ok());
    let path = section.map(|section| section.path.display().to_string()).unwrap_or_default();
    let line = section.map_or(1, |section| section.path_line);
    let place = format!("{}:{line}", config.display());
    let previous = section.and_then(|section| section.previous.as_ref());
    let back = match previous {
        Some(_) => format!("; what was kept before it still is: `vestibule plugin rollback {name}`"),
        None => "; there is nothing to roll back to".to_owned(),
    };
    let pinned = "pinned by SHA-256";
    let (did, mut lines) = match change {
        Change::None => {
            ("none", vec![format!("{name} {version} is there already, {pinned}; {place} is unchanged")])
        }
        Change::New => {
            ("added", vec![format!("added {name} {version} (ABI epoch {epoch}) to {place}, {pinned}")])
        }
        Change::From { version: old, is_kept: false } => (
            "moved",
            vec![format!(
                "moved {name} {version} (ABI epoch {epoch}) in {place}, {pinned}; it is the library that was there, {old}"
            )],
        ),
        Change::From { version: old, is_kept: true } => (
            "changed",
            vec![
                format!("changed {name} from {old} to {version} (ABI epoch {epoch}) in {place}, {pinned}"),
                format!("kept: {name} {old}, for `vestibule plugin rollback {name}`"),
            ],
        ),
        Change::FromLost(why) => (
            "changed",
            vec![
                format!("changed {name} to {version} (ABI epoch {epoch}) in {place}, {pinned}"),
                format!("not kept: {why}{back}"),
            ],
        ),
    };
    lines.push(format!("library: {path}"));
    if !matches!(change, Change::None) {
        lines.push(next(sections, name));
    }
    let json = json!({
        "did": did, "name": name, "version": version, "abi_epoch": epoch, "config": config, "line": line,
        "path": path, "sha256": pin, "previous": previous.map(|previous| &previous.path),
        "next": if matches!(change, Change::None) { None } else { Some("reload") },
    });
    Answer { lines, json, code: ExitCode::Fine }
}
