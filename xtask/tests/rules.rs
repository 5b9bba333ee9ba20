//! The project's own rules: what may depend on what, where `unsafe` and SQL live, how files begin. Knows the workspace as
//! text and as cargo's metadata only. Each search has a control that finds something, so that it can fail.

#![expect(clippy::unwrap_used, reason = "the whole file is tests, their own functions too")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr as _;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A word of Rust source, and whether it is called: followed by parentheses.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    text: String,
    called: bool,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All Rust files, by their path from the root.
fn sources() -> BTreeMap<String, String> {
    fn walk(folder: &Path, root: &Path, found: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    walk(&path, root, found);
                }
            } else if name.ends_with(".rs") {
                let shown = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.insert(shown, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&root(), &root(), &mut found);
    assert!(found.contains_key("xtask/tests/rules.rs"), "the walk did not even find this file");
    found
}

/// The identifiers of a source text as the compiler would see them: none from comments and strings.
fn words(source: &str) -> Vec<Word> {
    fn walk(tokens: TokenStream, words: &mut Vec<Word>) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(text) => {
                    let called = matches!(tokens.peek(), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
                    words.push(Word { text: text.to_string(), called });
                }
                TokenTree::Group(group) => walk(group.stream(), words),
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    walk(TokenStream::from_str(source).unwrap_or_else(|error| panic!("{error} in:\n{source}")), &mut found);
    found
}

/// The files in which `wanted` holds for a word, with how often.
fn files_with(wanted: impl Fn(&Word) -> bool) -> BTreeMap<String, usize> {
    let count = |source: &String| words(source).iter().filter(|word| wanted(word)).count();
    sources()
        .iter()
        .map(|(path, source)| (path.clone(), count(source)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// Whether the source has an attribute of that name.
fn has_attribute(source: &str, name: &str) -> bool {
    fn walk(tokens: TokenStream, name: &str) -> bool {
        let tokens: Vec<_> = tokens.into_iter().collect();
        tokens.iter().enumerate().any(|(at, token)| {
            let TokenTree::Group(group) = token else { return false };
            let first = group.stream().into_iter().next();
            let after_hash =
                at > 0 && matches!(&tokens[at - 1], TokenTree::Punct(punct) if punct.as_char() == '#');
            let attribute = after_hash && group.delimiter() == Delimiter::Bracket;
            (attribute && first.is_some_and(|first| first.to_string() == name)) || walk(group.stream(), name)
        })
    }
    walk(TokenStream::from_str(source).unwrap_or_else(|error| panic!("{error} in:\n{source}")), name)
}

fn cargo(arguments: &[&str]) -> String {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let output =
        command.current_dir(root()).args(arguments).args(["--locked", "--offline"]).output().unwrap();
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn metadata() -> serde_json::Value {
    serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).unwrap()
}

/// The workspace's own packages.
fn packages() -> Vec<String> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages.map(|package| package["name"].as_str().unwrap().to_owned()).collect()
}

/// The names of the crates that `cargo tree` lists for that selection, itself included.
fn crates(selection: &[&str]) -> BTreeSet<String> {
    let arguments = [&["tree", "--prefix", "none", "--format", "{p}"], selection].concat();
    cargo(&arguments).lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

fn among(crates: &BTreeSet<String>, wanted: &[&str]) -> Vec<String> {
    crates.iter().filter(|name| wanted.contains(&name.as_str())).cloned().collect()
}

#[test]
fn words_are_not_found_in_comments_and_strings() {
    let source = r##"
        //! unsafe
        /// unsafe
        fn a() { let _ = ("unsafe", r#"unsafe"#, 'u'); /* unsafe */ unsafe_code(); }
    "##;
    assert!(!words(source).iter().any(|word| word.text == "unsafe"));
    let source = "#[unsafe(no_mangle)] pub extern \"C\" fn a() { b! { unsafe { c() } } }";
    assert_eq!(words(source).iter().filter(|word| word.text == "unsafe").count(), 2);
    let source = "use sqlx::AssertSqlSafe; fn a(q: String) { sqlx::query(AssertSqlSafe(q)); }";
    assert_eq!(words(source).iter().filter(|word| word.text == "AssertSqlSafe" && word.called).count(), 1);
}

#[test]
fn unsafe_code_has_three_addresses() {
    // The last one is no part of the product: a plugin that breaks the table's rules has to do without the SDK.
    let addresses = [
        "provider-abi/",
        "provider-sdk/",
        "host/src/plugin/",
        "host/tests/plugins/misbehaving_raw/",
        "host/tests/plugins/hostile/",
    ];
    let mut elsewhere = files_with(|word| word.text == "unsafe");
    elsewhere.retain(|path, _| !addresses.iter().any(|address| path.starts_with(address)));
    assert!(elsewhere.is_empty(), "unsafe code outside of {addresses:?}: {elsewhere:?}");
}

#[test]
fn dynamic_sql_has_one_door() {
    let doors = files_with(|word| word.text == "AssertSqlSafe" && word.called);
    let count: usize = doors.values().sum();
    assert!(
        count == 1 && doors.keys().all(|path| path.starts_with("host/src/store/")),
        "not one door: {doors:?}"
    );
}

#[test]
fn sql_stays_in_the_store() {
    let inside = |path: &str| path == "host/src/store.rs" || path.starts_with("host/src/store/");
    let mut elsewhere = files_with(|word| word.text == "sqlx");
    elsewhere.retain(|path, _| path.starts_with("host/src/") && !inside(path));
    assert!(elsewhere.is_empty(), "sqlx outside of the store: {elsewhere:?}");
}

#[test]
fn a_sign_in_knows_no_web_framework() {
    let mut inside = files_with(|word| word.text == "axum");
    inside.retain(|path, _| path == "host/src/login.rs" || path.starts_with("host/src/login/"));
    assert!(inside.is_empty(), "axum in the sign-in, which must outlive it: {inside:?}");
}

#[test]
fn tests_do_not_skip_themselves() {
    assert!(has_attribute("mod a { #[test] #[ignore = \"slow\"] fn b() {} }", "ignore"));
    assert!(!has_attribute("#[test] fn b() { ignore[0]; }", "ignore"));
    let sources = sources();
    let ignored: Vec<_> = sources.iter().filter(|(_, source)| has_attribute(source, "ignore")).collect();
    assert!(
        ignored.is_empty(),
        "ignored tests in {:?}",
        ignored.iter().map(|(path, _)| path).collect::<Vec<_>>()
    );
}

/// The last words of the paths in backticks: `callback::a_state_that_is_missing` is a test's name, `sha256` is none.
fn tests_named_in(page: &str) -> BTreeSet<&str> {
    let quoted = page.split('`').skip(1).step_by(2).filter(|text| text.contains("::") && !text.contains(' '));
    quoted.filter_map(|text| text.rsplit("::").next()).filter(|name| name.matches('_').count() >= 2).collect()
}

#[test]
fn the_security_page_names_tests_that_exist() {
    assert_eq!(tests_named_in("`a::b_c_d` and `e_f_g`, `x::Type`"), BTreeSet::from(["b_c_d"]));
    let page = std::fs::read_to_string(root().join("docs/security.md")).unwrap();
    let named = tests_named_in(&page);
    assert!(named.len() > 100, "only {} names were found", named.len());
    let sources = sources();
    let exists = |name: &&str| {
        let definition = format!("fn {name}(");
        sources.values().any(|source| source.contains(&definition))
    };
    let gone: Vec<_> = named.iter().filter(|name| !exists(name)).collect();
    assert!(gone.is_empty(), "docs/security.md names tests that do not exist: {gone:?}");
}

#[test]
fn files_open_with_what_they_own() {
    let bare: Vec<_> = sources()
        .into_iter()
        .filter(|(path, source)| path.contains("src/") && !source.starts_with("//! "))
        .map(|(path, _)| path)
        .collect();
    assert!(bare.is_empty(), "files that do not open with `//! `: {bare:?}");
}

#[test]
fn files_are_named_after_what_they_hold() {
    let refused = ["mod.rs", "util.rs", "utils.rs", "helper.rs", "helpers.rs", "common.rs", "misc.rs"];
    let name = |path: &str| Path::new(path).file_name().unwrap().to_string_lossy().into_owned();
    let found: Vec<_> = sources().into_keys().filter(|path| refused.contains(&name(path).as_str())).collect();
    assert!(found.is_empty(), "files whose names say nothing: {found:?}");
}

#[test]
fn one_crate_names_abi_stable() {
    let depends = |package: &&serde_json::Value| {
        package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .any(|dependency| dependency["name"] == "abi_stable")
    };
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap().iter().filter(depends);
    let names: Vec<_> = packages.map(|package| package["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["vestibule-abi"], "abi_stable must stay replaceable");
}

#[test]
fn the_boundary_depends_on_no_server() {
    let servers = ["axum", "hyper", "reqwest", "sqlx", "tokio"];
    let host = crates(&["--package", "vestibule", "--edges", "normal,build"]);
    assert_eq!(among(&host, &servers), servers, "the search must find them where they are");
    let plugins = packages().into_iter().filter(|package| package.starts_with("vestibule-plugin-"));
    for package in plugins.chain(["vestibule-abi", "vestibule-provider"].map(str::to_owned)) {
        let found = among(&crates(&["--package", &package, "--edges", "normal,build"]), &servers);
        assert!(found.is_empty(), "{package} depends on {found:?}");
    }
}

#[test]
fn there_is_one_implementation_of_cryptography() {
    let all = crates(&["--workspace", "--edges", "normal,build,dev"]);
    assert_eq!(
        among(&all, &["aws-lc-rs", "rustls"]),
        ["aws-lc-rs", "rustls"],
        "the search must find what is there"
    );
    let found = among(&all, &["ring", "openssl", "openssl-sys", "native-tls", "rsa"]);
    assert!(found.is_empty(), "in the tree, and they must not be: {found:?}");
}
