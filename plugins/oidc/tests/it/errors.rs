//! Errors that come back through the browser.

use serde_json::json;

use crate::fake::{Idp, oidc};

#[test]
fn an_error_in_the_callback_has_its_class_and_ends_the_sign_in_unasked() {
    for (name, code) in [
        ("access_denied", 1),
        ("login_required", 3),
        ("interaction_required", 3),
        ("consent_required", 3),
        ("account_selection_required", 3),
        ("invalid_scope", 3),
        ("invalid_request", 3),
        ("unauthorized_client", 3),
        ("request_not_supported", 3),
        ("server_error", 6),
        ("temporarily_unavailable", 6),
        ("something_new", 7),
    ] {
        let params =
            [("error", name), ("error_description", "<script>"), ("error_uri", "https://evil.example")];
        let outcome = oidc(json!({})).complete(&params, &mut Idp::default());
        let error = outcome.error();
        assert_eq!(error.code(), code, "{name}");
        assert!(outcome.requests.is_empty());
        assert!(code == 1 || error.message().contains(name), "{error}");
        assert!(!error.message().contains("script") && !error.message().contains("evil"), "{error}");
    }
}

#[test]
fn an_error_beside_a_code_is_an_error() {
    let outcome =
        oidc(json!({})).complete(&[("code", "a-code"), ("error", "access_denied")], &mut Idp::default());
    assert_eq!(outcome.error().code(), 1);
}

#[test]
fn unknown_parameters_beside_the_code_do_not_matter() {
    let params = [
        ("code", "a-code"),
        ("session_state", "x"),
        ("iss", "https://id.example/realms/a"),
        ("scope", "openid"),
    ];
    oidc(json!({})).complete(&params, &mut Idp::default()).account();
}
