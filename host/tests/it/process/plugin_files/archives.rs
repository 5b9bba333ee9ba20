//! Archives from strangers: what is not exactly a plugin's archive is refused, and nothing is written.

use super::*;

const MANIFEST: &str = "name = \"github\"\nversion = \"0.1.0\"\nabi_epoch = 1\nlibrary = \"plugin.so\"\n";

/// One entry of a tar: its name as bytes, its kind and its content.
#[derive(Clone)]
struct Entry(Vec<u8>, tar::EntryType, Vec<u8>);

fn file(name: &str, content: impl Into<Vec<u8>>) -> Entry {
    Entry(name.into(), tar::EntryType::Regular, content.into())
}

fn tarred(entries: &[Entry]) -> Vec<u8> {
    let mut tar = Vec::new();
    for Entry(name, kind, content) in entries {
        let mut header = tar::Header::new_ustar();
        header.as_ustar_mut().unwrap().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o4777);
        header.set_cksum();
        tar.extend(header.as_bytes());
        tar.extend(content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

fn zipped(tar: &[u8]) -> Vec<u8> {
    zstd::encode_all(tar, 3).unwrap()
}

fn sums(entries: &[Entry]) -> Entry {
    let line = |entry: &Entry| format!("{}  {}\n", hex(&entry.2), String::from_utf8_lossy(&entry.0));
    file("SHA256SUMS", entries.iter().map(line).collect::<String>())
}

fn good() -> Vec<Entry> {
    let mut entries = vec![file("manifest.toml", MANIFEST), file("plugin.so", old())];
    entries.push(sums(&entries));
    entries
}

fn with(entry: Entry) -> Vec<u8> {
    zipped(&tarred(&[&good()[..], &[entry]].concat()))
}

fn remade(change: impl Fn(&mut Vec<Entry>)) -> Vec<u8> {
    let mut entries = good();
    entries.pop();
    change(&mut entries);
    entries.push(sums(&entries));
    zipped(&tarred(&entries))
}

#[test]
fn the_library_of_an_archive_goes_to_a_shelf_under_its_version_and_digest() {
    let folder = Folder::new();
    folder.write("github.tar.zst", zipped(&tarred(&good())));
    assert_eq!(
        folder.done(&["add", "github.tar.zst"]),
        "added github 0.1.0 (ABI epoch 1) to config.toml:10, pinned by SHA-256\n\
         library: plugins/github-0.1.0-OLD12.so\nnext: `vestibule reload`\n"
    );
    let placed = folder.path(&format!("plugins/github-0.1.0-{}.so", &hex(&old())[..12]));
    assert_eq!(fs::read(&placed).unwrap(), old());
    assert_eq!(fs::metadata(&placed).unwrap().mode() & 0o7777, 0o644);
    assert_eq!(fs::read_dir(folder.path("plugins")).unwrap().count(), 1);
    // A library that was damaged there is put right again.
    fs::write(&placed, "x").unwrap();
    folder.done(&["add", "github.tar.zst"]);
    assert_eq!(fs::read(&placed).unwrap(), old());
    // And into a folder that was named.
    folder.done(&["add", "github.tar.zst", "--to", "elsewhere"]);
    assert!(
        shown(&folder.read()).contains("path = \"elsewhere/github-0.1.0-OLD12.so\""),
        "{}",
        folder.read()
    );
    let said = folder.refused(1, &["add", "github.tar.zst", "--to", "no/such/folder"]);
    assert!(said.contains("cannot be written: No such file or directory"), "{said}");
}

#[test]
fn what_is_not_exactly_a_plugins_archive_is_refused() {
    use tar::EntryType as Type;
    let folder = Folder::new();
    let whole = zipped(&tarred(&good()));
    let kinds = [
        ("hard link", Type::Link, "a hard link"),
        ("symlink", Type::Symlink, "a symbolic link"),
        ("device", Type::Char, "a device"),
        ("block", Type::Block, "a device"),
        ("fifo", Type::Fifo, "a FIFO"),
        ("folder", Type::Directory, "a folder"),
        ("pax", Type::XHeader, "an extended header"),
        ("global", Type::XGlobalHeader, "an extended header"),
        ("long name", Type::GNULongName, "a long name"),
        ("sparse", Type::GNUSparse, "of a kind of its own"),
    ];
    let mut cases: Vec<(String, Vec<u8>, String)> = kinds
        .map(|(what, kind, said)| {
            (
                what.to_owned(),
                with(Entry(b"x".to_vec(), kind, Vec::new())),
                format!("holds `x`, which is {said}; "),
            )
        })
        .to_vec();
    for name in ["../x", "/etc/x", "a/b", ".hidden", "-x", "x y", "x\u{1b}", "", "./x"] {
        let shown = name.replace('\u{1b}', "\\u{1b}");
        cases.push((
            format!("name {name:?}"),
            with(file(name, "x")),
            format!("holds `{shown}`; a name in a plugin's archive is "),
        ));
    }
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let mut endless = tarred(&good());
    endless.truncate(endless.len() - 1024);
    let bomb = zstd::encode_all(&vec![0; (68 << 20) + 1][..], 3).unwrap();
    let many: Vec<_> = (0..17).map(|n| file(&format!("f{n}"), "")).collect();
    for (what, bytes, said) in [
        ("cut", whole[..whole.len() * 9 / 10].to_vec(), "is cut short or damaged: "),
        ("flipped", flipped, ""),
        (
            "behind the frame",
            [&whole[..], b"x"].concat(),
            "is cut short or damaged: something follows its end; ",
        ),
        (
            "two frames",
            [&whole[..], &whole[..]].concat(),
            "is cut short or damaged: something follows its end; ",
        ),
        (
            "behind the tar",
            zipped(&[tarred(&good()), vec![1; 512]].concat()),
            "is cut short or damaged: something follows the end of its tar; ",
        ),
        ("no end", zipped(&endless), "is cut short or damaged: its tar has no end; "),
        ("cut tar", zipped(&tarred(&good())[..9000]), "is cut short or damaged: `plugin.so` is cut short; "),
        ("empty", zipped(b""), "is cut short or damaged: its tar has no end; "),
        ("bomb", bomb, "holds more than 66 MiB, the limit of a plugin's archive"),
        ("many", zipped(&tarred(&many)), "holds more than 16 files, the limit of a plugin's archive"),
        ("twice", with(file("plugin.so", old())), "holds `plugin.so` twice"),
        ("unsummed", with(file("x", "x")), "`x` is not in `SHA256SUMS`; "),
        ("no sums", zipped(&tarred(&good()[..2])), "has no `SHA256SUMS`; "),
        ("no manifest", remade(|e| drop(e.remove(0))), "has no `manifest.toml`; "),
        ("no library", remade(|e| drop(e.remove(1))), "has no `plugin.so`; "),
        (
            "wrong sum",
            {
                let mut e = good();
                e[1].2[5000] ^= 1;
                zipped(&tarred(&e))
            },
            "`plugin.so` differs from `SHA256SUMS`: expected `OLD`, found `",
        ),
        ("sums of nothing", with_sums("x\n"), "`SHA256SUMS` line 1 is not a digest, two spaces and a name"),
        ("sums with folders", with_sums(&format!("{}  ../x\n", "0".repeat(64))), "has no `../x`; "),
        (
            "name",
            remade(|e| e[0].2 = MANIFEST.replace("\"github\"", "\"gitlab\"").into()),
            "`manifest.toml` says name `gitlab`, the library's section says `github`; ",
        ),
        (
            "version",
            remade(|e| e[0].2 = MANIFEST.replace("0.1.0", "0.2.0").into()),
            "`manifest.toml` says version `0.2.0`, the library's section says `0.1.0`; ",
        ),
        (
            "epoch",
            remade(|e| e[0].2 = MANIFEST.replace("abi_epoch = 1", "abi_epoch = 2").into()),
            "`manifest.toml` says abi_epoch `2`, the library's section says `1`; ",
        ),
        ("manifest", remade(|e| e[0].2 = b"name = ".to_vec()), "`manifest.toml`: "),
        (
            "keys",
            remade(|e| e[0].2 = b"name = \"github\"\n".to_vec()),
            "`manifest.toml`: missing field `version`",
        ),
        ("library", remade(|e| e[1].2 = b"text".to_vec()), "`plugin.so` is not a shared library: "),
    ] {
        cases.push((what.to_owned(), bytes, said.to_owned()));
    }
    for (what, bytes, why) in cases {
        folder.write("x.tar.zst", bytes);
        let said = folder.refused(5, &["add", "x.tar.zst"]);
        assert!(said.starts_with(&format!("error: x.tar.zst: {why}")), "{what}: {said}");
        assert_eq!(said.lines().count(), 1, "{what}: {said}");
    }
}

fn with_sums(text: &str) -> Vec<u8> {
    let mut entries = good();
    entries[2] = file("SHA256SUMS", text);
    zipped(&tarred(&entries))
}

#[test]
fn what_an_archive_says_is_shown_without_adding_it() {
    let folder = Folder::new();
    let more = "requires = [\"http/1\"]\nlicence = \"MIT\"\nglibc = \"2.34\"\nsettings_schema = '{\"properties\":{\"client_id\":{}}}'\n";
    folder.write("x.tar.zst", remade(|e| e[0].2.extend(more.as_bytes())));
    let said = folder.done(&["info", "x.tar.zst"]);
    for line in [
        "name       github\n",
        "requires   http/1\n",
        "licence    MIT\n",
        "glibc      2.34\n",
        "settings   client_id\n",
    ] {
        assert!(said.contains(line), "{said}");
    }
    assert_eq!(folder.read(), CONFIG);
}
