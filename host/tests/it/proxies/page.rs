//! The examples, taken from the operator's page. Knows Markdown's fences and nothing else.

use std::path::Path;

/// The content of the first block of that language after a line of the page.
pub(super) fn block_after(line: &str, language: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operator.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (_, rest) = page
        .split_once(&format!("\n{line}\n"))
        .unwrap_or_else(|| panic!("{} has no line `{line}`", path.display()));
    let (_, rest) = rest
        .split_once(&format!("\n```{language}\n"))
        .unwrap_or_else(|| panic!("no block of {language} after `{line}`"));
    rest.split_once("\n```\n").unwrap().0.to_owned()
}

/// What the test puts in: whatever it replaces must be there.
pub(super) fn replaced(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "the example has no `{old}`:\n{text}");
    text.replace(old, new)
}
