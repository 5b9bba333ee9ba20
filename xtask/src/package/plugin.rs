//! `cargo xtask package --plugin NAME`: one plugin as an archive, the same bytes each time from the same sources and the same
//! compiler. Owns the build and the archive's form; what must hold of an archive is checked by `vestibule plugin add`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use object::elf::FileHeader64;
use object::read::elf::{FileHeader as _, SectionHeader as _};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::build::Binaries;
use crate::error::{Error, Result};
use crate::workspace::{Workspace, answer_of, cargo};

/// The level from which on a byte less costs much more time.
const LEVEL: i32 = 19;

pub(super) fn run(workspace: &Workspace, name: &str) -> Result<()> {
    let plugins = workspace.plugins()?;
    let plugin = plugins.iter().find(|plugin| plugin.name == name).ok_or_else(|| {
        let names: Vec<_> = plugins.iter().map(|plugin| plugin.name.as_str()).collect();
        fault("plugins/", format!("there is no plugin `{name}`; there are {}", names.join(", ")))
    })?;
    let library = &Binaries::plugin(workspace, plugin)?;
    let bytes = std::fs::read(library).map_err(Error::file("read", library))?;
    let described = answer_of(
        cargo()
            .current_dir(&workspace.root)
            .args(["run", "--quiet", "--locked", "--package", "vestibule", "--example", "describe", "--"])
            .arg(library)
            .stdin(Stdio::null()),
    )?;
    let text = |key: &str| {
        described[key]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| Error::Answer { command: "describe".to_owned(), detail: format!("no `{key}`") })
    };
    let (name, version) = (text("name")?, text("version")?);
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let file = format!("libvestibule_plugin_{name}.so");
    let manifest =
        manifest(&described, &file, &licence(workspace, &plugin.package)?, &glibc(&bytes, library)?, &target);
    let archive =
        archive(BTreeMap::from([(file, bytes), ("manifest.toml".to_owned(), manifest.into_bytes())]))?;

    let folder = workspace.target.join("package");
    std::fs::create_dir_all(&folder).map_err(Error::file("make the folder", &folder))?;
    let path = folder.join(format!("{name}-{version}-{target}.tar.zst"));
    std::fs::write(&path, &archive).map_err(Error::file("write", &path))?;
    println!("{}  {}", hex(&archive), workspace.shown(&path));
    Ok(())
}

fn fault(place: &str, problem: String) -> Error {
    Error::Configuration { place: place.to_owned(), problem }
}

fn manifest(described: &Value, library: &str, licence: &str, glibc: &str, target: &str) -> String {
    let mut manifest = toml_edit::DocumentMut::new();
    for key in ["name", "version"] {
        manifest[key] = toml_edit::value(described[key].as_str().unwrap_or_default());
    }
    manifest["abi_epoch"] = toml_edit::value(described["abi_epoch"].as_i64().unwrap_or_default());
    manifest["library"] = toml_edit::value(library);
    let requires = described["requires"].as_array().into_iter().flatten().filter_map(Value::as_str);
    manifest["requires"] = toml_edit::value(toml_edit::Array::from_iter(requires));
    for (key, text) in [("licence", licence), ("glibc", glibc), ("target", target)] {
        manifest[key] = toml_edit::value(text);
    }
    manifest["settings_schema"] = toml_edit::value(described["settings_schema"].to_string());
    manifest.to_string()
}

fn licence(workspace: &Workspace, package: &str) -> Result<String> {
    let mut metadata = cargo();
    metadata.current_dir(&workspace.root).args(["metadata", "--no-deps", "--format-version", "1"]);
    let metadata = answer_of(&mut metadata)?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let licence = packages
        .into_iter()
        .find(|found| found["name"] == package)
        .and_then(|found| found["license"].as_str());
    licence
        .map(str::to_owned)
        .ok_or_else(|| fault(package, "it has no `license` in its Cargo.toml".to_owned()))
}

/// The oldest glibc that has every symbol version that the library needs (the section of type `SHT_GNU_verneed`).
fn glibc(bytes: &[u8], path: &Path) -> Result<String> {
    let newest = || {
        let header = FileHeader64::<object::LittleEndian>::parse(bytes).ok()?;
        let endian = header.endian().ok()?;
        let sections = header.sections(endian, bytes).ok()?;
        let mut newest = None;
        for section in sections.iter() {
            let Some((mut needs, strings)) = section.gnu_verneed(endian, bytes).ok()? else { continue };
            let strings = sections.strings(endian, bytes, strings).ok()?;
            while let Some((_, mut versions)) = needs.next().ok()? {
                while let Some(version) = versions.next().ok()? {
                    let name = version.name(endian, strings).ok()?;
                    let numbers = std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_").map(numbers);
                    newest = newest.max(numbers);
                }
            }
        }
        newest
    };
    let numbers =
        newest().ok_or_else(|| fault(&path.display().to_string(), "it needs no glibc".to_owned()))?;
    Ok(numbers.iter().map(u32::to_string).collect::<Vec<_>>().join("."))
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').filter_map(|number| number.parse().ok()).collect()
}

/// The files with their sums, by name, with nothing of this machine and this hour in their headers.
fn archive(mut files: BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>> {
    let sums: String = files.iter().map(|(name, content)| format!("{}  {name}\n", hex(content))).collect();
    files.insert("SHA256SUMS".to_owned(), sums.into_bytes());
    let memory = PathBuf::from("the archive");
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in &files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        tar.append_data(&mut header, name, &content[..]).map_err(Error::file("write", &memory))?;
    }
    let tar = tar.into_inner().map_err(Error::file("write", &memory))?;
    let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL).map_err(Error::file("write", &memory))?;
    let encode = |encoder: &mut zstd::Encoder<'_, _>| {
        encoder.include_checksum(true)?;
        encoder.set_pledged_src_size(Some(tar.len() as u64))?;
        std::io::Write::write_all(encoder, &tar)
    };
    encode(&mut encoder).map_err(Error::file("write", &memory))?;
    encoder.finish().map_err(Error::file("write", &memory))
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_make_the_same_archive_sorted_and_owned_by_root() {
        let files = || {
            BTreeMap::from([("b.so".to_owned(), vec![7; 1000]), ("a.toml".to_owned(), b"x = 1\n".to_vec())])
        };
        let one = archive(files()).unwrap();
        assert_eq!(one, archive(files()).unwrap());
        let tar = zstd::decode_all(&one[..]).unwrap();
        let mut archive = tar::Archive::new(&tar[..]);
        let entries = archive.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, 0));
            (entry.path().unwrap().display().to_string(), header.mode().unwrap())
        });
        let names = ["SHA256SUMS", "a.toml", "b.so"].map(|name| (name.to_owned(), 0o644));
        assert_eq!(entries.collect::<Vec<_>>(), names);
    }

    #[test]
    fn versions_are_compared_by_numbers() {
        assert!(numbers("2.9") < numbers("2.34") && numbers("2.2.5") < numbers("2.3"));
    }
}
