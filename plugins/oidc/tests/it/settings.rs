//! What the operator may write, and what is said where it cannot be used.

use serde_json::{Value, json};
use vestibule_plugin_oidc::Oidc;
use vestibule_provider::testing;

use crate::fake::{ISSUER, oidc, try_oidc};

#[test]
fn describes_every_setting_and_marks_the_secret() {
    let description = testing::describe::<Oidc>().unwrap();
    assert_eq!(testing::schema_faults(&description), [""; 0]);
    assert_eq!(description["name"], "oidc");
    assert_eq!(description["requires"], json!(["http/1", "discover/1", "verify_jwt/1"]));
    let schema = &description["settings_schema"];
    let keys: Vec<_> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "algorithms",
        "allowed_groups",
        "authorize_params",
        "avatar",
        "client_id",
        "client_secret",
        "email",
        "email_domains",
        "email_verified",
        "groups",
        "id",
        "issuer",
        "login",
        "name",
        "nonce",
        "pkce",
        "prompt",
        "scopes",
        "subjects",
        "token_auth",
        "trusted_audiences",
        "userinfo",
    ];
    assert_eq!(keys, expected);
    assert_eq!(schema["required"], json!(["issuer", "client_id"]));
    assert_eq!(schema["properties"]["client_secret"]["x-secret"], true);
    assert_eq!(schema["properties"]["scopes"]["default"], json!(["openid", "profile", "email"]));
}

fn realm(settings: Value) -> Value {
    oidc(settings).inspect()["realm"].clone()
}

#[test]
fn the_realm_is_the_issuer_and_all_that_ids_depend_on() {
    assert_eq!(realm(json!({})), ISSUER);
    // With a slash and without are two issuers, byte for byte, and one place of accounts.
    assert_eq!(realm(json!({ "issuer": "https://Tenant.example/" })), "https://tenant.example");
    assert_eq!(realm(json!({ "id": "/oid" })), format!("{ISSUER};id=oid"));
    assert_eq!(
        realm(json!({ "id": "/https:~1~1slack.com~1user_id" })),
        format!("{ISSUER};id=https:~1~1slack.com~1user_id")
    );
    assert_eq!(realm(json!({ "subjects": "pairwise" })), format!("{ISSUER};client=client-1"));
    assert_eq!(
        realm(json!({ "subjects": "pairwise", "id": "/a/b" })),
        format!("{ISSUER};client=client-1;id=a/b")
    );
}

#[test]
fn the_issuer_stays_as_it_is_written() {
    for issuer in ["https://Tenant.example/", "https://tenant.example", "https://id.example:443/a"] {
        assert_eq!(oidc(json!({ "issuer": issuer })).inspect()["metadata"]["issuer"], issuer);
    }
}

#[test]
fn declares_what_the_host_is_to_enforce() {
    assert_eq!(
        oidc(json!({})).inspect(),
        json!({
            "realm": ISSUER,
            "client_id": "client-1",
            "issuer": {
                "value": { "from_metadata": "issuer" },
                "promised": { "from_metadata": "authorization_response_iss_parameter_supported" },
            },
            "metadata": { "issuer": ISSUER },
            "origins": [
                { "from_metadata": "authorization_endpoint" },
                { "from_metadata": "token_endpoint" },
                { "from_metadata": "userinfo_endpoint" },
                { "from_metadata": "jwks_uri" },
            ],
            "secrets": { "client_secret": [
                { "origin": { "from_metadata": "token_endpoint" }, "path_prefix": "" },
            ] },
            "pkce": "required",
            "nonce": "required",
            "response_mode": "query",
            "state_in": "authorization_request",
            "protocol": "oauth2",
        })
    );
}

#[test]
fn policies_are_the_operators() {
    let inspect = oidc(json!({ "pkce": "off", "nonce": "off" })).inspect();
    assert_eq!((&inspect["pkce"], &inspect["nonce"]), (&json!("off"), &json!("off")));
    assert_eq!(oidc(json!({ "pkce": "sent" })).inspect()["pkce"], "sent");
    let public = oidc(json!({ "client_secret": null, "token_auth": "none" })).inspect();
    assert_eq!(public["secrets"], json!({}));
}

#[test]
fn says_which_setting_cannot_be_used_and_what_to_write() {
    for (settings, named, cure) in [
        (json!({ "issuer": "id.example" }), "`issuer`", "in full"),
        (json!({ "issuer": "http://id.example" }), "`issuer`", "https://"),
        (json!({ "issuer": "https://user:hunter2@id.example" }), "`issuer`", "leave them out"),
        (json!({ "issuer": "https://id.example/?x" }), "`issuer`", "leave them out"),
        (json!({ "issuer": "https://id.example/.well-known/openid-configuration" }), "`issuer`", "leave"),
        (json!({ "issuer": "https://id.example/a;b" }), "`issuer`", "`;`"),
        (json!({ "issuer": null }), "`issuer`", "missing"),
        (json!({ "client_id": "" }), "`client_id`", "copy it"),
        (json!({ "client_id": "a b", "subjects": "pairwise" }), "`client_id`", "ASCII"),
        (json!({ "client_secret": null }), "`client_secret`", "`token_auth = \"none\"`"),
        (json!({ "client_secret": null, "token_auth": "post" }), "`client_secret`", "write it"),
        (json!({ "token_auth": "none" }), "`token_auth`", "leave one"),
        (json!({ "client_secret": null, "token_auth": "none", "pkce": "off" }), "`pkce`", "use PKCE"),
        (json!({ "token_auth": "private_key_jwt" }), "`token_auth`", "`basic`"),
        (json!({ "scopes": ["a b"] }), "`scopes`", "one word"),
        (json!({ "scopes": [""] }), "`scopes`", "one word"),
        (json!({ "algorithms": ["HS256"] }), "`algorithms`", "`RS256`"),
        (json!({ "algorithms": ["none"] }), "`algorithms`", "`RS256`"),
        (json!({ "algorithms": ["RS1"] }), "`algorithms`", "ES256"),
        (json!({ "trusted_audiences": [""] }), "`trusted_audiences`", "leave it out"),
        (json!({ "trusted_audiences": "a" }), "`trusted_audiences`", "sequence"),
        (json!({ "pkce": "plain" }), "`pkce`", "`required`"),
        (json!({ "nonce": "sent" }), "`nonce`", "`required`"),
        (json!({ "subjects": "private" }), "`subjects`", "`pairwise`"),
        (json!({ "userinfo": "maybe" }), "`userinfo`", "`auto`"),
        (json!({ "id": "" }), "`id`", "no account"),
        (json!({ "id": "sub" }), "`id`", "begins with `/`"),
        (json!({ "login": "preferred_username" }), "`login`", "begins with `/`"),
        (json!({ "name": "/a~2b" }), "`name`", "`~0`"),
        (json!({ "email": "/a~" }), "`email`", "`~0`"),
        (json!({ "email_verified": "true" }), "`email_verified`", "begins with `/`"),
        (json!({ "avatar": "x" }), "`avatar`", "begins with `/`"),
        (json!({ "groups": "x" }), "`groups`", "begins with `/`"),
        (json!({ "groups": "", "allowed_groups": ["a"] }), "`groups`", "where groups are"),
        (json!({ "allowed_groups": [""] }), "`allowed_groups`", "leave it out"),
        (json!({ "email_domains": ["@corp.example"] }), "`email_domains`", "domain alone"),
        (json!({ "prompt": "none" }), "`prompt`", "leave it out"),
        (json!({ "prompt": "login&x" }), "`prompt`", "`login`"),
        (json!({ "prompt": "" }), "`prompt`", "`login`"),
        (json!({ "authorize_params": { "a b": "" } }), "`authorize_params`", "no parameter"),
        (json!({ "authorize_params": { "hd": "a\nb" } }), "`authorize_params`", "control"),
        (json!({ "isuer": "https://id.example" }), "`isuer`", "unknown"),
    ] {
        let error = try_oidc(settings.clone()).err().unwrap_or_else(|| panic!("{settings} is taken"));
        assert_eq!(error.code(), 13, "{settings}");
        assert!(error.message().contains(named), "{settings}: {error}");
        assert!(error.message().contains(cure), "{settings}: {error}");
        assert!(!error.message().contains("hunter2"), "{error}");
    }
}

#[test]
fn what_people_change_or_share_is_no_account_id() {
    for name in [
        "email",
        "preferred_username",
        "upn",
        "name",
        "nickname",
        "Email",
        "UPN",
        "profile/email",
        "emails/0",
        "Emails/0/value",
        "https:~1~1corp.example~1email",
        "https:~1~1corp.example~1email/0",
        "https:~1~1corp.example~1claims#UPN",
        "urn:corp:email",
        "verified_primary_email/0",
        "iss",
        "aud",
        "aud/0",
        "amr/0",
        "groups/0",
        "https:~1~1corp.example~1roles/0",
        "sid",
        "c_hash",
        "hd",
        "tid",
        "org_id",
    ] {
        let error =
            try_oidc(json!({ "id": format!("/{name}") })).err().unwrap_or_else(|| panic!("{name} is taken"));
        assert!(error.message().contains("leave it at `/sub`"), "{name}: {error}");
    }
    for name in ["sub", "oid", "user_id", "user/id", "https:~1~1email.example~1id", "ids~1~01name"] {
        assert!(try_oidc(json!({ "id": format!("/{name}") })).is_ok(), "{name}");
    }
}

#[test]
fn no_further_parameter_takes_the_place_of_the_servers_own() {
    for name in [
        "state",
        "STATE",
        "nonce",
        "redirect_uri",
        "client_id",
        "client_secret",
        "scope",
        "response_type",
        "response_mode",
        "code_challenge",
        "code_challenge_method",
        "prompt",
        "request",
        "request_uri",
    ] {
        let error = try_oidc(json!({ "authorize_params": { name: "x" } })).err();
        let error = error.unwrap_or_else(|| panic!("{name} is taken"));
        assert!(error.message().contains(&format!("`{name}`")), "{error}");
    }
}

#[test]
fn a_parameter_whose_promise_nobody_checks_is_refused_with_the_place_that_can() {
    for name in ["max_age", "acr_values", "ACR_values"] {
        let error = try_oidc(json!({ "authorize_params": { name: "1" } })).err();
        let error = error.unwrap_or_else(|| panic!("{name} is taken"));
        assert!(error.message().contains("the issuer's own rules"), "{error}");
        assert!(!error.message().contains("prompt"), "the person can take that out as well: {error}");
    }
}

#[test]
fn what_the_person_can_change_in_the_request_is_described_as_a_wish() {
    let description = testing::describe::<Oidc>().unwrap();
    for key in ["authorize_params", "prompt"] {
        let text = description["settings_schema"]["properties"][key]["description"].as_str().unwrap();
        assert!(text.contains("A wish"), "{text}");
    }
}
