//! `allowed_groups`: who is let in. In doubt, nobody.

use serde_json::{Value, json};

use crate::fake::{Idp, complete};

fn allowed(groups: Value) -> Value {
    json!({ "allowed_groups": groups, "userinfo": "never" })
}

fn member(groups: Value) -> Idp {
    let mut idp = Idp::default();
    idp.claims["groups"] = groups;
    idp
}

#[test]
fn a_member_comes_in() {
    for theirs in [json!(["eng"]), json!(["x", "eng"]), json!("eng")] {
        complete(allowed(json!(["ops", "eng"])), member(theirs)).account();
    }
    complete(allowed(json!(["/eng/backend"])), member(json!(["/eng/backend"]))).account();
}

#[test]
fn who_is_in_none_stays_out() {
    for theirs in [
        json!([]),
        json!(["x"]),
        json!(["Eng"]),
        json!(["eng "]),
        json!(["eng/backend"]),
        json!(["/eng"]),
        json!("eng,ops"),
        json!("eng ops"),
    ] {
        let outcome = complete(allowed(json!(["eng"])), member(theirs.clone()));
        assert_eq!(outcome.error().code(), 4, "{theirs}");
        assert!(outcome.error().message().contains("`allowed_groups`"), "{}", outcome.error());
    }
    // A group above another one does not let in those of the one below, nor the reverse.
    assert_eq!(complete(allowed(json!(["/eng/backend"])), member(json!(["/eng"]))).error().code(), 4);
}

#[test]
fn a_list_that_is_missing_or_incomplete_lets_nobody_in() {
    for theirs in [
        json!(null),
        json!({ "eng": true }),
        json!(5),
        json!(["eng", 5]),
        json!([{ "name": "eng" }]),
        json!([["eng"]]),
    ] {
        let outcome = complete(allowed(json!(["eng"])), member(theirs.clone()));
        assert_eq!(outcome.error().code(), 4, "{theirs}");
        assert!(outcome.error().message().contains("`/groups`"), "{}", outcome.error());
    }
    // Microsoft's marker of more groups than a token holds.
    let overage = member(json!(["eng"])).claiming(json!({
        "_claim_names": { "groups": "src1" },
        "_claim_sources": { "src1": { "endpoint": "https://graph.example/x" } },
    }));
    assert_eq!(complete(allowed(json!(["eng"])), overage).error().code(), 4);
}

#[test]
fn groups_may_be_deep_in_a_document_or_under_a_name_with_slashes() {
    let idp = Idp::default()
        .claiming(json!({ "realm_access": { "roles": ["eng"] }, "https://x.example/groups": ["ops"] }));
    let settings = json!({ "allowed_groups": ["eng"], "groups": "/realm_access/roles" });
    complete(settings, idp).account();
    let idp = Idp::default().claiming(json!({ "https://x.example/groups": ["ops"] }));
    complete(json!({ "allowed_groups": ["ops"], "groups": "/https:~1~1x.example~1groups" }), idp).account();
}

#[test]
fn the_user_info_tells_groups_that_the_id_token_does_not() {
    let telling = |groups: Value| Idp::default().telling(&json!({ "sub": "f:24400320", "groups": groups }));
    complete(json!({ "allowed_groups": ["eng"] }), telling(json!(["eng"]))).account();
    assert_eq!(complete(json!({ "allowed_groups": ["eng"] }), telling(json!(["ops"]))).error().code(), 4);
    // The signed document's word is the first one.
    let mut both = telling(json!(["eng"]));
    both.claims["groups"] = json!(["ops"]);
    assert_eq!(complete(json!({ "allowed_groups": ["eng"], "userinfo": "always" }), both).error().code(), 4);
}

#[test]
fn without_the_rule_groups_do_not_matter() {
    let outcome = complete(json!({}), member(json!({ "odd": 1 })));
    outcome.account();
    assert_eq!(outcome.requests.len(), 1);
}

#[test]
fn a_claim_of_one_text_is_the_rule_that_a_parameter_of_the_request_is_not() {
    let by_domain = |claims| {
        let settings = json!({
            "authorize_params": { "hd": "corp.example" },
            "groups": "/hd",
            "allowed_groups": ["corp.example"],
        });
        complete(settings, Idp::default().claiming(claims))
    };
    by_domain(json!({ "hd": "corp.example" })).account();
    for hd in [json!("evil.example"), json!("sub.corp.example"), json!(""), json!(true), json!(null)] {
        assert_eq!(by_domain(json!({ "hd": hd.clone() })).error().code(), 4, "{hd}");
    }
}
