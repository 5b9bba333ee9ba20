//! How often to try, and what came of it: for `cargo xtask faults plugins`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use serde_json::json;

/// How often each deed that ends its worker is tried.
pub(super) fn crashes() -> u32 {
    number("VESTIBULE_HOSTILE_CRASHES", 10)
}

/// How often each deed is tried for which the library has to be loaded anew, which takes a hundred times as long.
pub(super) fn loads() -> u32 {
    number("VESTIBULE_HOSTILE_CRASHES", 2)
}

/// How often each deed that hangs is tried: each costs its deadline.
pub(super) fn hangs() -> u32 {
    number("VESTIBULE_HOSTILE_HANGS", 2)
}

fn number(variable: &str, default: u32) -> u32 {
    let Ok(value) = std::env::var(variable) else { return default };
    value.parse().unwrap_or_else(|_| panic!("{variable} is `{value}`; write a number"))
}

/// One deed at one place.
pub(super) struct Row<'a> {
    pub(super) deed: &'a str,
    pub(super) place: &'a str,
    pub(super) runs: u32,
    /// How often another provider's sign-in failed beside it.
    pub(super) others_failed: u32,
    /// How often the same plugin worked afterwards. None where there is nothing that could: the file itself is hostile.
    pub(super) back: Option<u32>,
    pub(super) outcome: &'a str,
}

impl Row<'_> {
    /// Adds it to the file that the environment names, if it does.
    pub(super) fn report(&self) {
        let Some(folder) = std::env::var_os("VESTIBULE_HOSTILE_REPORT") else { return };
        let path = PathBuf::from(folder).join(format!("{}.jsonl", std::process::id()));
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        let row = json!({
            "deed": self.deed, "place": self.place, "runs": self.runs, "others_failed": self.others_failed,
            "back": self.back, "outcome": self.outcome,
        });
        writeln!(file, "{row}").unwrap();
    }
}
