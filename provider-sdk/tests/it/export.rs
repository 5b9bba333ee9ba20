//! Wrong use of `export_provider!` gives an error that says what to do.

#[test]
fn wrong_use_gives_a_readable_error() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/compile_fail/right.rs");
    cases.compile_fail("tests/compile_fail/not_a_provider.rs");
    cases.compile_fail("tests/compile_fail/no_such_type.rs");
    cases.compile_fail("tests/compile_fail/bad_name.rs");
    cases.compile_fail("tests/compile_fail/no_argument.rs");
    cases.compile_fail("tests/compile_fail/two_arguments.rs");
    cases.compile_fail("tests/compile_fail/twice.rs");
    cases.compile_fail("tests/compile_fail/not_send.rs");
}
