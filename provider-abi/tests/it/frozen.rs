//! Epoch 1 is frozen: what stands in `tests/epoch-1/` is what plugins of that epoch were built with. `docs/abi.md` says
//! what may grow, and how.

use std::path::Path;

/// The file of the epoch, as it stands.
pub(crate) fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/epoch-1").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Compares with the file of the epoch. What differs is written beside the build, to be looked at and, if it is meant,
/// copied.
pub(crate) fn is_frozen(name: &str, now: &str) {
    if let Some(difference) = difference(name, &file(name), now) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("epoch-1");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), now).unwrap();
        panic!("{difference} What it would be now is in {}.", folder.join(name).display());
    }
}

fn difference(name: &str, then: &str, now: &str) -> Option<String> {
    let line = |text: &str, at: usize| text.lines().nth(at).unwrap_or("(the end)").to_owned();
    let at = (0..).take_while(|_| then != now).find(|at| line(then, *at) != line(now, *at))?;
    Some(format!(
        "this is ABI epoch 1, frozen, and {name} differs from line {} on.\n  then: {}\n  now:  {}\n\
         Plugins that were built before still say and expect what stands there. A change is a decision with its page in \
         docs/decisions and a new golden file in provider-abi/tests/epoch-1; docs/abi.md says what may grow, and how.",
        at + 1,
        line(then, at),
        line(now, at),
    ))
}

#[test]
fn a_change_is_explained_with_its_line() {
    assert_eq!(difference("names.txt", "a\nb\n", "a\nb\n"), None);
    let explained = difference("names.txt", "a\nb\n", "a\nc\nd\n").unwrap();
    assert!(
        explained.starts_with("this is ABI epoch 1, frozen, and names.txt differs from line 2 on."),
        "{explained}"
    );
    assert!(explained.contains("then: b\n  now:  c\n"), "{explained}");
    assert!(difference("names.txt", "a\n", "a\nb\n").unwrap().contains("then: (the end)\n  now:  b\n"));
}
