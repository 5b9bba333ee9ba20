//! Reads `docs/plugin-author.md`: its files, its commands, and what it says that they print, in the page's order.

/// One fenced block of the page.
pub(super) struct Block {
    pub(super) kind: Kind,
    pub(super) text: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file: its path stands above it, in backticks and alone on the line.
    File(String),
    /// ` ```sh `
    Commands,
    /// ` ```text `: what the commands above it print. Above the first command, something to look at.
    Output,
}

/// All blocks. A block that is neither of the three ends the test: the page would have a part that nobody runs.
pub(super) fn blocks(page: &str) -> Vec<Block> {
    let (mut found, mut before, mut lines) = (Vec::new(), Vec::new(), page.lines());
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            before.push(line);
            continue;
        };
        let text: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        let path = before.iter().rev().find(|line| !line.is_empty()).and_then(|line| path(line));
        let kind = match (path, language) {
            (Some(path), _) => Kind::File(path.to_owned()),
            (None, "sh") => Kind::Commands,
            (None, "text") => Kind::Output,
            (None, other) => panic!("a block of `{other}` without a path above it: {}", text.join("\n")),
        };
        found.push(Block { kind, text: text.join("\n") + "\n" });
        before.clear();
    }
    found
}

fn path(line: &str) -> Option<&str> {
    let path = line.strip_prefix('`')?.strip_suffix('`')?;
    (!path.is_empty() && !path.contains(['`', ' '])).then_some(path)
}

#[test]
fn files_commands_and_outputs_are_told_apart() {
    let page = "# A\n\n`src/lib.rs`\n\n```rust\nfn a() {}\n```\n\nRun `it`:\n\n```sh\nrun it\n```\n\n```text\ndone\n```\n";
    let blocks = blocks(page);
    let kinds: Vec<_> = blocks.iter().map(|block| &block.kind).collect();
    assert_eq!(kinds, [&Kind::File("src/lib.rs".to_owned()), &Kind::Commands, &Kind::Output]);
    assert_eq!(blocks[0].text, "fn a() {}\n");
}
