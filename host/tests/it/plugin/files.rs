//! Files that are no plugin, not whole, not the right one, or not for this host; and good ones under hard conditions.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use tempfile::TempDir;
use vestibule::plugin::{LoadError, Plugin};
use vestibule::random::sha256;

use super::idp::Idp;
use super::rig::{Rig, complete, library, load, on_each_transport, run};

/// Loads a file with its own pin, as the plugin `misbehaving_raw`.
fn try_load(path: &Path) -> Result<Arc<Plugin>, LoadError> {
    let pin = std::fs::read(path).map(|bytes| sha256(&bytes)).unwrap_or([0; 32]);
    Plugin::load(path, &[pin], &"misbehaving_raw".parse().unwrap())
}

fn write(folder: &TempDir, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join("plugin.so");
    std::fs::write(&path, bytes).unwrap();
    path
}

/// What is said about these bytes, without the path in front.
fn refusal(bytes: &[u8]) -> String {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, bytes);
    let text = try_load(&path).expect_err("it was loaded").to_string();
    text.strip_prefix(&format!("{}: ", path.display())).expect("the message begins with the path").to_owned()
}

fn good() -> Vec<u8> {
    std::fs::read(library("misbehaving_raw")).unwrap()
}

/// Where the file has its section.
fn section_at(bytes: &[u8]) -> usize {
    let file = object::File::parse(bytes).unwrap();
    let range = file.section_by_name(".vestibule").unwrap().file_range().unwrap();
    usize::try_from(range.0).unwrap()
}

/// The good file with bytes of its section replaced.
fn with_section(at: usize, patch: &[u8]) -> Vec<u8> {
    let mut bytes = good();
    let at = section_at(&bytes) + at;
    bytes[at..at + patch.len()].copy_from_slice(patch);
    bytes
}

/// The good file with bytes of its root symbol's value replaced.
fn with_root(at: usize, patch: &[u8]) -> Vec<u8> {
    let mut bytes = good();
    let offset = {
        let file = object::File::parse(&*bytes).unwrap();
        let name = vestibule_abi::root::SYMBOL.strip_suffix(b"\0").unwrap();
        let symbol = file.dynamic_symbols().find(|s| s.name_bytes().unwrap() == name).unwrap();
        let section = file.section_by_index(symbol.section_index().unwrap()).unwrap();
        usize::try_from(symbol.address() - section.address() + section.file_range().unwrap().0).unwrap()
    };
    bytes[offset + at..offset + at + patch.len()].copy_from_slice(patch);
    bytes
}

/// The good file with one text in it replaced by another of the same length, wherever it stands.
fn with_text(from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = good();
    let mut found = 0;
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
            found += 1;
        }
    }
    assert!(found > 0);
    bytes
}

#[test]
fn a_good_file_is_loaded_and_described() {
    let plugin = load("misbehaving_raw");
    assert_eq!(plugin.description().name, "misbehaving_raw");
    assert!(plugin.description().operations.iter().any(|o| o == "levitate"), "unknown operations are kept");
    assert_eq!(load("misbehaving").description().secret_keys, ["client_secret"]);
    assert_eq!(load("github").description().name, "github");
}

fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// Where the program header of this type is.
fn program_header(bytes: &[u8], kind: u32) -> usize {
    let first = usize::try_from(word(bytes, 32)).unwrap();
    (0..100).map(|n| first + 56 * n).find(|at| bytes[*at..at + 4] == kind.to_le_bytes()).unwrap()
}

#[test]
fn a_library_that_brings_others_along_is_refused_by_their_name() {
    let name = b"\0libgcc_s.so.1\0";
    let at = good().windows(name.len()).position(|w| w == name).unwrap() + 1;
    for other in ["libevil_s.so1", "/tmp/evil.so\0", "./libgcc_s.so", "ld-linux/evil"] {
        let mut bytes = good();
        bytes[at..at + 13].copy_from_slice(other.as_bytes());
        let text = refusal(&bytes);
        let shown = other.trim_end_matches('\0');
        assert!(text.starts_with("brings along what its pin does not cover: it needs `"), "{text}");
        assert!(text.contains(&format!("`{shown}`")), "{text}");
    }
    let library = good();
    let table = usize::try_from(word(&library, program_header(&library, 2) + 8)).unwrap();
    let needed = (0..100).map(|n| table + 16 * n).find(|at| word(&library, *at) == 1).unwrap();
    for (tag, name) in [
        (15, "DT_RPATH"),
        (29, "DT_RUNPATH"),
        (0x6fff_fefc, "DT_AUDIT"),
        (0x6fff_fefb, "DT_DEPAUDIT"),
        (0x7fff_fffd, "DT_AUXILIARY"),
        (0x7fff_ffff_u64, "DT_FILTER"),
    ] {
        let mut bytes = good();
        bytes[needed..needed + 8].copy_from_slice(&tag.to_le_bytes());
        assert!(refusal(&bytes).contains(&format!("its dynamic section has `{name}`")), "{name}");
    }
}

#[test]
fn what_is_no_library_is_refused_by_what_it_is() {
    assert_eq!(refusal(b""), "is not a shared library: the file is empty");
    assert_eq!(
        refusal(b"#!/bin/sh\necho hello\n"),
        "is not a shared library: it does not begin as an ELF file does"
    );
    let mut executable = good();
    // What names the dynamic linker is what makes a program of a library.
    let stack = program_header(&executable, 0x6474_e551);
    executable[stack..stack + 4].copy_from_slice(&3_u32.to_le_bytes());
    assert_eq!(refusal(&executable), "is not a shared library: it is an executable");
    let mut elf32 = good();
    elf32[4] = 1;
    assert_eq!(refusal(&elf32), "is not a shared library: it is a 32-bit ELF file");
    let mut big_endian = good();
    big_endian[5] = 2;
    assert_eq!(refusal(&big_endian), "is not a shared library: it is a big-endian ELF file");
    let mut object_file = good();
    object_file[16] = 1;
    assert_eq!(refusal(&object_file), "is not a shared library: it is an object file or an executable");
}

#[test]
fn a_library_for_another_machine_is_refused_by_its_name() {
    let (other, name) = if cfg!(target_arch = "aarch64") { (62_u8, "x86_64") } else { (183_u8, "aarch64") };
    let mut bytes = good();
    bytes[18] = other;
    assert_eq!(
        refusal(&bytes),
        format!("was built for {name}; this host runs on {}", std::env::consts::ARCH)
    );
}

#[test]
fn a_file_cut_short_is_refused_wherever_it_was_cut() {
    let whole = good();
    for end in [6, 60, 64, whole.len() / 4, whole.len() / 2, whole.len() * 99 / 100, whole.len() - 1] {
        let text = refusal(&whole[..end]);
        assert!(text.starts_with("is cut short or damaged: "), "{end}: {text}");
        assert!(text.ends_with("; copy it again"), "{end}: {text}");
    }
}

#[test]
fn headers_that_point_anywhere_are_refused_and_never_followed() {
    // e_phoff, e_shoff, and counts and sizes of both tables; then each byte of the front, set to its worst.
    for at in 0..64 {
        let mut bytes = good();
        bytes[at] ^= 0xff;
        let folder = TempDir::new().unwrap();
        // Some of these bytes nobody reads; what counts is that none ends the process.
        let _ = try_load(&write(&folder, &bytes)).map_err(|e| e.to_string());
    }
    for at in [32, 40] {
        let mut bytes = good();
        bytes[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(refusal(&bytes).starts_with("is cut short or damaged: "), "{at}");
    }
}

#[test]
fn a_library_without_our_section_or_symbol_is_no_plugin() {
    assert_eq!(
        refusal(&with_text(b".vestibule\0", b".vestibulx\0")),
        "is a shared library, but no plugin of vestibule: it has no section `.vestibule`"
    );
    let text = refusal(&with_text(b"_1as_0lib_1header_0root", b"_1as_0lib_1header_0roox"));
    assert!(text.starts_with("does not fit this host: no root symbol: "), "{text}");
    assert!(text.contains("undefined symbol"), "the linker's own words are there: {text}");
}

#[test]
fn garbage_in_the_section_is_refused() {
    assert_eq!(
        refusal(&with_section(0, b"VESTIBUX")),
        "is a shared library, but no plugin of vestibule: section `.vestibule` does not begin with `VESTIBUL`"
    );
    for patch in [&[200][..], &[0][..]] {
        assert_eq!(
            refusal(&with_section(13, patch)),
            "is a shared library, but no plugin of vestibule: section `.vestibule` holds a name or version that is \
             not allowed"
        );
    }
}

#[test]
fn garbage_behind_the_root_symbol_is_refused() {
    for bytes in [with_root(0, &[0; 40]), with_root(0, &[0xff; 40])] {
        assert_eq!(refusal(&bytes), "does not fit this host: made with another version of the boundary");
    }
    // The magic is right, the version behind it is not.
    assert_eq!(
        refusal(&with_root(32, &[77, 0, 0, 0])),
        "does not fit this host: made with another version of the boundary"
    );
}

#[test]
fn another_epoch_is_refused_with_both_numbers() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        refusal(&with_section(8, &3_u32.to_le_bytes())),
        format!(
            "misbehaving_raw {version} needs plugin ABI epoch 3; this host speaks 1. The file was not loaded; use a \
             misbehaving_raw built for epoch 1"
        )
    );
}

#[test]
fn a_plugin_whose_panic_would_end_the_process_is_refused() {
    let text = refusal(&with_section(12, &[0]));
    assert!(text.ends_with("was built with panic = \"abort\": a panic in it would end the server; build it with panic = \"unwind\""));
}

#[test]
fn the_name_must_be_the_configured_one_and_the_described_one() {
    assert_eq!(
        refusal(&with_section(16, b"misbehaving_rax")),
        "is the plugin `misbehaving_rax`, not `misbehaving_raw`; name the section [plugin.misbehaving_rax]"
    );
    let folder = TempDir::new().unwrap();
    let bytes = with_section(16, b"misbehaving_rax");
    let path = write(&folder, &bytes);
    let error = Plugin::load(&path, &[sha256(&bytes)], &"misbehaving_rax".parse().unwrap()).unwrap_err();
    assert!(error.to_string().contains("the file's section says misbehaving_rax"), "{error}");
}

#[test]
fn only_a_regular_file_that_not_everybody_may_write_is_read() {
    let folder = TempDir::new().unwrap();
    let of = |path: &Path| {
        let text = try_load(path).unwrap_err().to_string();
        text.strip_prefix(&format!("{}: ", path.display())).unwrap().to_owned()
    };
    assert!(of(&folder.path().join("missing.so")).starts_with("cannot be read: No such file"));
    assert_eq!(of(folder.path()), "is a folder; a plugin is a regular file");
    let fifo = folder.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let opened_without_waiting = Plugin::load(&fifo, &[[0; 32]], &"misbehaving_raw".parse().unwrap());
    let text = opened_without_waiting.unwrap_err().to_string();
    assert!(text.ends_with("is a FIFO; a plugin is a regular file"), "{text}");
    let socket = folder.path().join("socket");
    let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert_eq!(of(&socket), "is a socket or a device; a plugin is a regular file");
    let link = folder.path().join("link.so");
    std::os::unix::fs::symlink(library("misbehaving_raw"), &link).unwrap();
    assert_eq!(of(&link), "is a symbolic link; give the path of the file itself");
    let open = write(&folder, &good());
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(of(&open), "is writable by everybody (mode 0666); run `chmod o-w` on it");
    let large = folder.path().join("large.so");
    std::fs::File::create(&large).unwrap().set_len((64 << 20) + 1).unwrap();
    let text = Plugin::load(&large, &[[0; 32]], &"misbehaving_raw".parse().unwrap()).unwrap_err().to_string();
    assert!(text.ends_with("is larger than 64 MiB, the limit of a plugin's file"), "{text}");
}

#[test]
fn a_file_without_a_pin_or_with_another_is_refused_with_the_line_to_paste() {
    let path = library("misbehaving_raw");
    let hex = data_encoding::HEXLOWER.encode(&sha256(&good()));
    let load = |pins: &[[u8; 32]]| {
        let text = Plugin::load(&path, pins, &"misbehaving_raw".parse().unwrap()).unwrap_err().to_string();
        text.strip_prefix(&format!("{}: ", path.display())).unwrap().to_owned()
    };
    assert_eq!(
        load(&[]),
        format!(
            "has no pin, and a plugin that runs in this process needs one; if this file is the one you mean, write \
             `sha256 = [\"{hex}\"]` in `[plugin.misbehaving_raw]`"
        )
    );
    assert_eq!(
        load(&[[0; 32], [1; 32]]),
        format!(
            "differs from its pin: expected `{}` or `{}`, found `{hex}`; it was not loaded; if you replaced it on \
             purpose, write `sha256 = [\"{hex}\"]` in `[plugin.misbehaving_raw]`",
            "00".repeat(32),
            "01".repeat(32)
        )
    );
    let one_of_two = [[0; 32], sha256(&good())];
    assert!(Plugin::load(&path, &one_of_two, &"misbehaving_raw".parse().unwrap()).is_ok());
}

#[test]
fn flipped_bytes_do_not_pass_the_pin() {
    let folder = TempDir::new().unwrap();
    let mut bytes = good();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let path = write(&folder, &bytes);
    let error = Plugin::load(&path, &[sha256(&good())], &"misbehaving_raw".parse().unwrap()).unwrap_err();
    assert!(error.to_string().contains("differs from its pin"), "{error}");
}

#[test]
fn two_plugins_and_the_same_twice_stand_side_by_side() {
    on_each_transport(async |transport| {
        let idp = Idp::saying("{}").await;
        let one = Rig::new(transport, &idp.url).ready().await;
        let two = Rig::raw(transport, &idp.url, "").ready().await;
        let three = Rig::new(transport, &idp.url).ready().await;
        assert_eq!(one.inspect().realm, idp.url);
        assert_eq!(two.inspect().realm, "https://raw.example");
        for provider in [&one, &two, &three] {
            assert_eq!(complete(provider, "").await.unwrap().account.account_id, "42");
        }
        drop(one);
        assert_eq!(complete(&three, "").await.unwrap().account.account_id, "42");
    });
}

#[test]
fn a_loaded_file_may_be_overwritten_removed_or_replaced() {
    run(async {
        let folder = TempDir::new().unwrap();
        let path = write(&folder, &good());
        let pin = sha256(&good());
        let name = "misbehaving_raw".parse().unwrap();
        let plugin = Plugin::load(&path, &[pin], &name).unwrap();
        std::fs::write(&path, vec![0; good().len()]).unwrap();
        assert!(
            Plugin::load(&path, &[pin], &name).is_err(),
            "what is there now is what counts for the next one"
        );
        let idp = Idp::saying("{}").await;
        let rig = Rig::raw(vestibule::plugin::TransportKind::InProcess, &idp.url, "");
        let provider = rig.create_from(&plugin).await.unwrap();
        assert_eq!(complete(&provider, "").await.unwrap().account.account_id, "42");
        std::fs::rename(library_copy(&folder, "misbehaving"), &path).unwrap();
        let other = std::fs::read(&path).unwrap();
        let replaced = Plugin::load(&path, &[sha256(&other)], &"misbehaving".parse().unwrap()).unwrap();
        assert_eq!(
            replaced.description().name,
            "misbehaving",
            "the path's earlier library is not given again"
        );
        assert_eq!(complete(&provider, "").await.unwrap().account.account_id, "42");
    });
}

fn library_copy(folder: &TempDir, name: &str) -> PathBuf {
    let copy = folder.path().join("copy.so");
    std::fs::copy(library(name), &copy).unwrap();
    copy
}
