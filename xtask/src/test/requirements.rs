//! What tests need from the machine besides Rust: looked for before the run, handed to the tests by an environment
//! variable, and the tests that need it left out where it is missing.

use std::path::PathBuf;

use crate::postgres;

/// A program, and the tests that cannot do without.
#[derive(Debug)]
pub(super) struct Requirement {
    pub(super) program: &'static str,
    /// Debian's package.
    pub(super) package: &'static str,
    /// Where the tests read the program's path, or the address of the server that it is. A test that misses it fails: only this command may leave it out.
    variable: &'static str,
    /// nextest's expression for the tests that need it.
    tests: &'static str,
}

/// Tests in a module named `browser` drive Chromium.
const BROWSER_TESTS: &str = "test(/(^|::)browser::/)";

/// Tests in a module named `postgres` have a database in the server; those in `pgbouncer` reach it through that.
const POSTGRES_TESTS: &str = "test(/(^|::)postgres::/)";
const PGBOUNCER_TESTS: &str = "test(/(^|::)pgbouncer::/)";

const ALL: [Requirement; 4] = [
    Requirement {
        program: "chromium",
        package: "chromium",
        variable: "VESTIBULE_TEST_CHROMIUM",
        tests: BROWSER_TESTS,
    },
    Requirement {
        program: "chromedriver",
        package: "chromium-driver",
        variable: "VESTIBULE_TEST_CHROMEDRIVER",
        tests: BROWSER_TESTS,
    },
    Requirement {
        program: "postgres",
        package: "postgresql",
        variable: postgres::POSTGRES,
        tests: POSTGRES_TESTS,
    },
    Requirement {
        program: "pgbouncer",
        package: "pgbouncer",
        variable: postgres::PGBOUNCER,
        tests: PGBOUNCER_TESTS,
    },
];

/// The variables to set, and what is missing. `find` answers where a program is.
pub(super) fn look(
    find: &dyn Fn(&str) -> Option<PathBuf>,
) -> (Vec<(&'static str, PathBuf)>, Vec<&'static Requirement>) {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for requirement in &ALL {
        match find(requirement.program) {
            Some(path) => found.push((requirement.variable, path)),
            None => missing.push(requirement),
        }
    }
    (found, missing)
}

/// nextest's expression for the tests that can run.
pub(super) fn filter(missing: &[&Requirement]) -> String {
    if missing.is_empty() {
        return "all()".to_owned();
    }
    let mut tests: Vec<_> = missing.iter().map(|requirement| requirement.tests).collect();
    tests.dedup();
    format!("not ({})", tests.join(" or "))
}

/// The missing programs, as a phrase.
pub(super) fn reason(missing: &[&Requirement]) -> String {
    missing.iter().map(|requirement| format!("`{}`", requirement.program)).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_handed_on_and_what_is_not_is_named() {
        let (found, missing) = look(&|name| (name == "chromium").then(|| PathBuf::from("/usr/bin/chromium")));
        assert_eq!(found, [("VESTIBULE_TEST_CHROMIUM", PathBuf::from("/usr/bin/chromium"))]);
        let packages: Vec<_> = missing.iter().map(|requirement| requirement.package).collect();
        assert_eq!(packages, ["chromium-driver", "postgresql", "pgbouncer"]);
        assert_eq!(reason(&missing), "`chromedriver` and `postgres` and `pgbouncer`");
    }

    #[test]
    fn tests_that_lack_two_programs_are_left_out_once() {
        let (_, missing) = look(&|_| None);
        assert_eq!(
            filter(&missing),
            "not (test(/(^|::)browser::/) or test(/(^|::)postgres::/) or test(/(^|::)pgbouncer::/))"
        );
        assert_eq!(filter(&[]), "all()");
        assert_eq!(reason(&missing[..2]), "`chromium` and `chromedriver`");
    }
}
