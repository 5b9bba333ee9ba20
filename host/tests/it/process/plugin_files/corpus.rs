//! Files that are no plugin, or not one for this host: none of them gets into a configuration.

use object::{Object as _, ObjectSection as _};

use super::*;

fn section(bytes: &[u8]) -> usize {
    let file = object::File::parse(bytes).unwrap();
    usize::try_from(file.section_by_name(".vestibule").unwrap().file_range().unwrap().0).unwrap()
}

fn patched(at: usize, patch: &[u8]) -> Vec<u8> {
    let mut bytes = old();
    let at = section(&bytes) + at;
    bytes[at..at + patch.len()].copy_from_slice(patch);
    bytes
}

fn replaced(at: usize, byte: u8) -> Vec<u8> {
    let mut bytes = old();
    bytes[at] = byte;
    bytes
}

/// Each file, and how the refusal goes on behind its name.
fn corpus() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let whole = old();
    let part = |percent: usize| whole[..whole.len() * percent / 100].to_vec();
    let other = if cfg!(target_arch = "aarch64") { 62 } else { 183 };
    vec![
        ("empty", Vec::new(), "is neither a shared library (the file is empty) nor an archive (.tar.zst)"),
        (
            "text",
            b"#!/bin/sh\n".to_vec(),
            "is neither a shared library (it does not begin as an ELF file does)",
        ),
        ("head", whole[..60].to_vec(), "is cut short or damaged: "),
        ("quarter", part(25), "is cut short or damaged: "),
        ("half", part(50), "is cut short or damaged: "),
        ("most", part(99), "is cut short or damaged: "),
        ("elf32", replaced(4, 1), "is neither a shared library (it is a 32-bit ELF file)"),
        ("object", replaced(16, 1), "is neither a shared library (it is an object file or an executable)"),
        ("foreign", replaced(18, other), "was built for "),
        (
            "epoch",
            patched(8, &3_u32.to_le_bytes()),
            "github 0.1.0 needs plugin ABI epoch 3; this host speaks 1",
        ),
        ("aborting", patched(12, &[0]), "github 0.1.0 was built with panic = \"abort\""),
        ("garbage", patched(0, b"GARBAGE!"), "is a shared library, but no plugin of vestibule: "),
    ]
}

#[test]
fn no_bad_file_gets_into_a_configuration() {
    let folder = Folder::new();
    for (name, bytes, why) in corpus() {
        folder.write(name, bytes);
        let said = folder.refused(5, &["add", name]);
        assert!(said.starts_with(&format!("error: {name}: {why}")), "{said}");
    }
    let (folders, links) = ("shelf", "link.so");
    fs::create_dir(folder.path(folders)).unwrap();
    symlink("old.so", folder.path(links)).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, folder.path("fifo"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    folder.write("open.so", old());
    fs::set_permissions(folder.path("open.so"), Permissions::from_mode(0o666)).unwrap();
    for (name, why) in [
        (
            "missing",
            "cannot be read: No such file or directory (os error 2); name a library (.so) or an archive (.tar.zst)",
        ),
        (folders, "is a folder; a plugin is a regular file"),
        ("fifo", "is a FIFO; a plugin is a regular file"),
        (links, "is a symbolic link; give the path of the file itself"),
        ("open.so", "is writable by everybody (mode 0666); run `chmod o-w` on it"),
    ] {
        assert_eq!(folder.refused(5, &["add", name]), format!("error: {name}: {why}\n"));
    }
}

#[test]
fn a_bad_file_in_the_place_of_a_pinned_one_is_found() {
    let folder = Folder::new();
    folder.done(&["add", "old.so"]);
    for (name, bytes, _) in corpus() {
        folder.write("old.so", bytes);
        let said = folder.refused(5, &["verify", "github"]);
        assert!(
            said.contains("config.toml:11: old.so differs from its pin: expected `OLD`, found `"),
            "{name}: {said}"
        );
    }
    // With a pin of its own it gets further, and no file of the corpus to the end.
    for (name, bytes, _) in corpus() {
        folder.write("old.so", &bytes);
        let section = format!("[plugin.github]\npath = \"old.so\"\nsha256 = [\"{}\"]\n", hex(&bytes));
        folder.write("config.toml", section);
        let said = folder.refused(5, &["verify", "github"]);
        assert!(said.starts_with("error    config.toml:2: old.so: "), "{name}: {said}");
    }
}

#[test]
fn without_a_pin_a_file_that_others_could_exchange_is_no_good() {
    let folder = Folder::new();
    folder.write("config.toml", "[plugin.github]\npath = \"old.so\"\n");
    let said = folder.refused(5, &["verify"]);
    assert!(said.starts_with("error    config.toml:2: old.so: has no pin, and the folder `/"), "{said}");
    assert!(said.contains("(mode 1777, owner 0)"), "{said}");
}

#[test]
fn a_pinned_file_of_another_name_is_named() {
    let folder = Folder::new();
    folder.write(
        "config.toml",
        format!("[plugin.gitlab]\npath = \"old.so\"\nsha256 = [\"{}\"]\n", hex(&old())),
    );
    assert_eq!(
        folder.refused(5, &["verify"]),
        "error    config.toml:2: old.so: is the plugin `github`, not `gitlab`; name the section [plugin.github]\n"
    );
}
