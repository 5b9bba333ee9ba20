//! Reading what the runners report: nextest's list and its JUnit file, libtest's closing lines. Runs nothing.

use std::fmt;
use std::ops::AddAssign;

use serde_json::Value;

use crate::error::{Error, Result};

/// How many tests ended how. Shown as the closing line of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
    /// Those of `skipped` that are examples in documentation.
    pub(super) ignored_doctests: usize,
}

/// What a run leaves out of what was selected.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// By the default filter, which holds the tests that need what is missing here.
    pub(super) left_out: Vec<String>,
    /// By `#[ignore]`.
    pub(super) ignored: Vec<String>,
}

impl Counts {
    /// Each test case once; one that also passed at a later try has failed.
    pub(super) fn of_junit(text: &str) -> Result<Self> {
        let document = roxmltree::Document::parse(text).map_err(|error| Error::Answer {
            command: "cargo nextest run".to_owned(),
            detail: error.to_string(),
        })?;
        let mut counts = Self::default();
        for case in document.descendants().filter(|node| node.has_tag_name("testcase")) {
            let children = || case.children().map(|child| child.tag_name().name().to_owned());
            if children().any(|name| matches!(&*name, "failure" | "error" | "flakyFailure" | "flakyError")) {
                counts.failed += 1;
            } else if children().any(|name| name == "skipped") {
                counts.skipped += 1;
            } else {
                counts.passed += 1;
            }
        }
        Ok(counts)
    }

    /// One of libtest's closing lines: `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    pub(super) fn of_libtest(line: &str) -> Option<Self> {
        let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
        let number = |what: &str| {
            let part = counts.split("; ").find_map(|part| part.strip_suffix(what))?;
            part.trim().parse::<usize>().ok()
        };
        let ignored = number("ignored")?;
        Some(Self {
            passed: number("passed")?,
            failed: number("failed")?,
            skipped: ignored,
            ignored_doctests: ignored,
        })
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.ignored_doctests += other.ignored_doctests;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

impl Listing {
    /// From `cargo nextest list --run-ignored all --message-format json`: only so is an ignored test told from one that the
    /// person did not select.
    pub(super) fn of(answer: &Value) -> Result<Self> {
        let suites = answer["rust-suites"].as_object().ok_or_else(|| Error::Answer {
            command: "cargo nextest list".to_owned(),
            detail: "no `rust-suites`".to_owned(),
        })?;
        let mut listing = Self::default();
        for (suite, content) in suites {
            for (test, facts) in content["testcases"].as_object().into_iter().flatten() {
                let (filter, ignored) = (&facts["filter-match"], facts["ignored"] == true);
                if filter["reason"] == "default-filter" {
                    listing.left_out.push(format!("{suite} {test}"));
                } else if ignored && filter["status"] == "matches" {
                    listing.ignored.push(format!("{suite} {test}"));
                }
            }
        }
        Ok(listing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_case_of_the_junit_report_once() {
        let text = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="vestibule" tests="5" failures="3" errors="0">
  <testsuite name="vestibule::it" tests="5">
    <testcase name="passes" classname="vestibule::it" time="0.1"/>
    <testcase name="fails" classname="vestibule::it"><failure type="test failure">left &lt; right</failure></testcase>
    <testcase name="hangs" classname="vestibule::it"><failure type="test timeout"/><rerunFailure/></testcase>
    <testcase name="wavers" classname="vestibule::it"><flakyFailure type="test failure"/></testcase>
    <testcase name="waits" classname="vestibule::it"><skipped/></testcase>
  </testsuite>
</testsuites>"#;
        let counts = Counts::of_junit(text).unwrap();
        assert_eq!(counts, Counts { passed: 1, failed: 3, skipped: 1, ignored_doctests: 0 });
        assert_eq!(counts.to_string(), "1 passed, 3 failed, 1 skipped");
        assert!(Counts::of_junit("<testsuites><testsuite>").is_err());
    }

    #[test]
    fn adds_up_libtests_closing_lines() {
        let mut counts = Counts::default();
        let lines = [
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s",
            "test src/lib.rs - claims (line 3) ... ok",
        ];
        lines.iter().filter_map(|line| Counts::of_libtest(line)).for_each(|found| counts += found);
        assert_eq!(counts, Counts { passed: 13, failed: 2, skipped: 1, ignored_doctests: 1 });
    }

    #[test]
    fn tells_tests_left_out_here_from_tests_not_selected() {
        let answer = serde_json::json!({"rust-suites": {"vestibule::it": {"testcases": {
            "browser::signs_in": {"filter-match": {"status": "mismatch", "reason": "default-filter"}},
            "browser::slowly": {"ignored": true, "filter-match": {"status": "mismatch", "reason": "default-filter"}},
            "signs_in_slowly": {"ignored": true, "filter-match": {"status": "matches"}},
            "signs_out_slowly": {"ignored": true, "filter-match": {"status": "mismatch", "reason": "string"}},
            "signs_out": {"ignored": false, "filter-match": {"status": "mismatch", "reason": "string"}},
            "signs_in": {"ignored": false, "filter-match": {"status": "matches"}},
        }}}});
        let listing = Listing::of(&answer).unwrap();
        assert_eq!(listing.left_out, ["vestibule::it browser::signs_in", "vestibule::it browser::slowly"]);
        assert_eq!(listing.ignored, ["vestibule::it signs_in_slowly"]);
        assert!(Listing::of(&serde_json::json!({})).is_err());
    }
}
