//! Ends and neighbours: rights, full disks, kills, and two at once. There is the old file or the new one.

use super::*;

#[test]
fn mode_and_link_stay() {
    let folder = Folder::new();
    fs::create_dir(folder.path("real")).unwrap();
    fs::rename(folder.path("config.toml"), folder.path("real/site.toml")).unwrap();
    symlink("real/site.toml", folder.path("config.toml")).unwrap();
    fs::set_permissions(folder.path("real/site.toml"), Permissions::from_mode(0o640)).unwrap();
    folder.done(&["add", "new.so"]);
    assert!(fs::symlink_metadata(folder.path("config.toml")).unwrap().is_symlink());
    assert_eq!(fs::metadata(folder.path("config.toml")).unwrap().mode() & 0o7777, 0o640);
    assert!(folder.read().contains("[plugin.github]\npath = \"new.so\"\n"));
    assert_eq!(fs::read_dir(folder.path("real")).unwrap().count(), 1);
}

#[test]
fn a_folder_that_may_not_be_written_leaves_all_as_it_is() {
    let folder = Folder::new();
    fs::set_permissions(folder.0.path(), Permissions::from_mode(0o555)).unwrap();
    let output = without_root_rights(&mut folder.command(&["add", "new.so"]));
    fs::set_permissions(folder.0.path(), Permissions::from_mode(0o755)).unwrap();
    let (code, said) = said(&output);
    assert_eq!(code, Some(1));
    assert_eq!(
        said,
        "error: config.toml: cannot be written: Permission denied (os error 13); it is unchanged\n"
    );
    assert_eq!(folder.read(), CONFIG);
}

#[test]
fn a_full_disk_leaves_the_old_file_and_nothing_else() {
    let folder = Folder::new();
    fs::create_dir(folder.path("disk")).unwrap();
    let program = env!("CARGO_BIN_EXE_vestibule");
    // A file system of its own, for this command alone. Where that is not allowed, `unshare` says so and the test fails.
    let script = format!(
        "set -e; mount -t tmpfs -o size=32k none disk; cp config.toml disk/; cp config.toml before
         dd if=/dev/zero of=disk/filling bs=4096 2>/dev/null || true
         {program} plugin add new.so --config disk/config.toml && exit 99
         {program} plugin add new.so --config config.toml --to disk && exit 98
         cmp before disk/config.toml; cmp before config.toml; ls -A disk"
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", &script]).current_dir(folder.0.path());
    let (code, said) = said(&command.output().unwrap());
    let full = "cannot be written: No space left on device (os error 28)";
    let place = "disk/github-0.1.0-NEW12.so";
    assert_eq!(
        (code, said),
        (
            Some(0),
            format!(
                "config.toml\nfilling\nerror: disk/config.toml: {full}; it is unchanged\nerror: {place}: {full}; nothing was \
                 changed\n"
            )
        )
    );
}

/// The shell's limit on what a process may write to a file, in blocks of 512 bytes; beyond it the kernel kills the process in
/// the middle of that write (setrlimit(2)).
fn limited(folder: &Folder, blocks: u32, words: &str) -> Output {
    let script =
        format!("ulimit -c 0; ulimit -f {blocks}; exec {} plugin {words}", env!("CARGO_BIN_EXE_vestibule"));
    Command::new("sh").args(["-c", &script]).current_dir(folder.0.path()).output().unwrap()
}

#[test]
fn a_process_that_is_killed_in_the_middle_of_a_write_leaves_the_old_file() {
    let folder = Folder::new();
    let config = format!("{CONFIG}# {}\n", "x".repeat(4000));
    folder.write("config.toml", &config);
    for (blocks, words) in [(2, "add new.so"), (20, "add new.so --to shelf")] {
        let output = limited(&folder, blocks, words);
        assert_eq!(output.status.code(), None, "{output:?}");
        assert_eq!(folder.read(), config, "{words}");
    }
    // What they left behind is taken away by the next one.
    folder.done(&["add", "new.so", "--to", "shelf"]);
    assert!(folder.names().iter().all(|name| !name.starts_with('.')), "{:?}", folder.names());
    assert_eq!(fs::read_dir(folder.path("shelf")).unwrap().count(), 1);
    assert!(folder.done(&["verify", "github"]).starts_with("ok "));
}

#[test]
fn a_kill_at_any_moment_leaves_the_old_file_or_the_new_one() {
    let folder = Folder::new();
    folder.done(&["add", "old.so", "--to", "shelf"]);
    folder.done(&["add", "new.so", "--to", "shelf"]);
    let one = folder.read();
    folder.done(&["rollback", "github"]);
    let other = folder.read();
    for round in 0..40_u64 {
        let mut child = folder
            .command(&["rollback", "github"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Between the start and the end of a run, which takes some milliseconds; where exactly is the machine's affair.
        for _ in 0..round * 100 {
            std::thread::yield_now();
        }
        let _ = child.kill();
        child.wait().unwrap();
        let now = folder.read();
        assert!(now == one || now == other, "{now}");
    }
    folder.done(&["rollback", "github"]);
    assert!(folder.done(&["verify", "github"]).starts_with("ok "));
}

#[test]
fn adds_at_the_same_time_all_arrive() {
    let folder = Folder::new();
    let children: Vec<_> = ["github", "gitlab", "oidc", "misbehaving_raw"]
        .map(|name| {
            let path = library(name);
            folder
                .command(&["add", path.to_str().unwrap()])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .into();
    for mut child in children {
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    let config = folder.read();
    for name in ["github", "gitlab", "oidc", "misbehaving_raw"] {
        assert_eq!(config.matches(&format!("[plugin.{name}]")).count(), 1, "{config}");
    }
    assert!(config.ends_with("[provider.github]\nlabel = \"GitHub\"\n"), "{config}");
}
