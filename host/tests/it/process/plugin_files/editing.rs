//! Every way to write a section: what is changed is that section's, and no other byte.

use super::*;

/// The configuration after `add new.so`, where `old.so` is pinned in it.
fn upgraded(config: &str) -> String {
    let folder = Folder::new();
    folder.write("config.toml", config.replace("OLD", &hex(&old())));
    folder.done(&["add", "new.so"]);
    let after = shown(&folder.read());
    folder.done(&["rollback", "github"]);
    folder.done(&["rollback", "github"]);
    assert_eq!(shown(&folder.read()), after, "forth and back again");
    after
}

#[test]
fn comments_and_layout_stay() {
    assert_eq!(
        upgraded(
            "# top\n[plugin.github] # header\n# of path\npath   =   \"old.so\"   # behind\n\n  # of pin\n  sha256 = [\"OLD\"] # pin\n# end\n\n[server]\n"
        ),
        "# top\n[plugin.github] # header\n# of path\npath   =   \"new.so\"   # behind\n\n  # of pin\n  sha256 = [\"NEW\"] # pin\n\
         previous = { path = \"old.so\", sha256 = [\"OLD\"] }\n# end\n\n[server]\n"
    );
}

#[test]
fn inline_tables_and_dotted_keys_stay_what_they_are() {
    assert_eq!(
        upgraded("plugin = { github = { path = \"old.so\", sha256 = [\"OLD\"] } } # one line\n"),
        "plugin = { github = { path = \"new.so\", sha256 = [\"NEW\"], previous = { path = \"old.so\", sha256 = [\"OLD\"] } } } # one line\n"
    );
    assert_eq!(
        upgraded(
            "plugin.github.path = \"old.so\" # a\nplugin.github.sha256 = [\"OLD\"] # b\nserver.listen = \"x\"\n"
        ),
        "plugin.github.path = \"new.so\" # a\nplugin.github.sha256 = [\"NEW\"] # b\n\
         plugin.github.previous = { path = \"old.so\", sha256 = [\"OLD\"] }\nserver.listen = \"x\"\n"
    );
    assert_eq!(
        upgraded("[plugin]\ngithub.path = 'old.so'\ngithub.sha256 = ['OLD']\n"),
        "[plugin]\ngithub.path = \"new.so\"\ngithub.sha256 = [\"NEW\"]\ngithub.previous = { path = 'old.so', sha256 = ['OLD'] }\n"
    );
}

#[test]
fn pins_move_with_their_comments() {
    assert_eq!(
        upgraded(
            "[plugin.github]\npath = \"old.so\"\nsha256 = [\n  \"OLD\", # 1.0\n  \"0000000000000000000000000000000000000000000000000000000000000000\", # 0.9\n]\n"
        ),
        "[plugin.github]\npath = \"new.so\"\nsha256 = [\"NEW\"]\nprevious = { path = \"old.so\", sha256 = [\n  \"OLD\", # 1.0\n  \
         \"0000000000000000000000000000000000000000000000000000000000000000\", # 0.9\n] }\n"
    );
}

#[test]
fn line_ends_and_a_missing_last_one_stay() {
    assert_eq!(
        upgraded("# a\r\n[plugin.github]\r\npath = \"old.so\"\r\nsha256 = [\"OLD\"]\r\n\r\n[server]\r\n"),
        "# a\r\n[plugin.github]\r\npath = \"new.so\"\r\nsha256 = [\"NEW\"]\r\nprevious = { path = \"old.so\", sha256 = [\"OLD\"] }\r\n\r\n[server]\r\n"
    );
    assert_eq!(
        upgraded("[plugin.github]\npath = \"old.so\"\nsha256 = [\"OLD\"]\n[server]\nlisten = \"x\""),
        "[plugin.github]\npath = \"new.so\"\nsha256 = [\"NEW\"]\nprevious = { path = \"old.so\", sha256 = [\"OLD\"] }\n[server]\nlisten = \"x\""
    );
}

#[test]
fn an_unpinned_library_is_kept_by_the_pin_that_it_has_now() {
    assert_eq!(
        upgraded("[plugin.github]\npath = \"old.so\"\n"),
        "[plugin.github]\npath = \"new.so\"\nsha256 = [\"NEW\"]\nprevious = { path = \"old.so\", sha256 = [\"OLD\"] }\n"
    );
}

#[test]
fn a_new_section_stands_behind_the_other_plugins_and_a_removal_leaves_the_rest() {
    let section = "[plugin.github]\npath = \"new.so\"\nsha256 = [\"NEW\"]\n";
    for (before, after) in [
        ("", section.to_owned()),
        ("# only a comment", format!("# only a comment\n\n{section}")),
        ("[server]\n", format!("[server]\n\n{section}")),
        (
            "[plugin.a]\npath = \"a\"\n# more about a\n#sha256 = []\n\n# b\n[provider.b]\nplugin = \"a\"\n",
            format!(
                "[plugin.a]\npath = \"a\"\n# more about a\n#sha256 = []\n\n{section}\n# b\n[provider.b]\nplugin = \"a\"\n"
            ),
        ),
        (
            "[plugin.a]\npath = \"a\"\n# b\n[provider.b]\nplugin = \"a\"\n",
            format!("[plugin.a]\npath = \"a\"\n\n{section}# b\n[provider.b]\nplugin = \"a\"\n"),
        ),
        (
            "plugin.a.path = \"a\"\nserver.listen = \"x\"\n",
            format!("plugin.a.path = \"a\"\nserver.listen = \"x\"\n\n{section}"),
        ),
    ] {
        let folder = Folder::new();
        folder.write("config.toml", before);
        folder.done(&["add", "new.so"]);
        assert_eq!(shown(&folder.read()), after, "{before:?}");
        folder.done(&["remove", "github"]);
        let lines =
            |text: &str| text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(lines(&folder.read()), lines(before), "taken out again");
    }
}

#[test]
fn a_new_plugin_among_inline_ones_is_inline_and_goes_again() {
    let folder = Folder::new();
    let config = "plugin = { a = { path = \"a\" } } # all of them\n";
    folder.write("config.toml", config);
    folder.done(&["add", "new.so"]);
    assert_eq!(
        shown(&folder.read()),
        "plugin = { a = { path = \"a\" }, github = { path = \"new.so\", sha256 = [\"NEW\"] } } # all of them\n"
    );
    folder.done(&["remove", "github"]);
    assert!(
        !folder.read().contains("github") && folder.read().ends_with(" # all of them\n"),
        "{}",
        folder.read()
    );
}

#[test]
fn what_cannot_be_read_is_refused_and_untouched() {
    let folder = Folder::new();
    for (config, why) in [
        ("[plugin.github\npath = 1\n", "error: config.toml:1: not TOML: "),
        ("plugin = 1\n", "error: config.toml:1: `plugin` must be a table, not an integer"),
        ("[plugin]\ngithub = 1\n", "error: "),
        ("[plugin.github]\npaht = \"x\"\n", "error: config.toml:2: unknown key `paht`"),
    ] {
        folder.write("config.toml", config);
        let said = folder.refused(78, &["add", "new.so"]);
        assert!(said.starts_with(why), "{said}");
    }
    fs::remove_file(folder.path("config.toml")).unwrap();
    let (code, said) = folder.run(&["add", "new.so"]);
    assert_eq!(
        (code, said.starts_with("error: config.toml: cannot be read: no such file")),
        (Some(78), true),
        "{said}"
    );
}

#[test]
fn a_fault_elsewhere_does_not_stop_the_verb_that_mends_this_one() {
    let folder = Folder::new();
    folder.write("config.toml", "[server]\nlisten = 5\n[provider.github]\n");
    folder.done(&["add", "new.so"]);
    assert!(folder.read().starts_with("[server]\nlisten = 5\n[provider.github]\n"));
}
