//! `allowed_groups`: who is let in. In doubt, nobody.

use serde_json::{Value, json};
use vestibule_provider::Response;

use crate::fake::{Instance, complete, paths};

fn member_of(groups: Value) -> Instance {
    let mut instance = Instance::default();
    let mut userinfo = json!({ "sub": "24400320" });
    userinfo["groups"] = groups;
    instance.userinfo = Response::new(200).json_text(userinfo.to_string());
    instance
}

#[test]
fn a_member_comes_in_and_one_request_more_is_made() {
    let outcome = complete(json!({ "allowed_groups": ["ops-team"] }), Instance::default());
    outcome.account();
    assert_eq!(paths(&outcome), ["/oauth/token", "/api/v4/user", "/oauth/userinfo"]);
    assert!(outcome.requests[2].header_value("authorization").unwrap().starts_with("Bearer "));
    // Paths are the same in any case at GitLab.
    complete(json!({ "allowed_groups": ["ENG/Backend"] }), Instance::default()).account();
}

#[test]
fn membership_goes_down_and_not_up() {
    // GitLab lists a subgroup for members of the group above it.
    complete(json!({ "allowed_groups": ["eng/backend"] }), member_of(json!(["eng", "eng/backend"])))
        .account();
    let below = complete(json!({ "allowed_groups": ["eng"] }), member_of(json!(["eng/backend"])));
    assert_eq!(below.error().code(), 4);
    for theirs in [json!([]), json!(["engineering"]), json!(["x/eng"]), json!(["eng "])] {
        assert_eq!(
            complete(json!({ "allowed_groups": ["eng"] }), member_of(theirs.clone())).error().code(),
            4,
            "{theirs}"
        );
    }
}

#[test]
fn groups_of_the_id_token_do_not_count() {
    // It has direct memberships only, and is not asked for any.
    let instance = member_of(json!([])).claiming(json!({ "groups": ["eng"], "groups_direct": ["eng"] }));
    assert_eq!(complete(json!({ "allowed_groups": ["eng"] }), instance).error().code(), 4);
}

#[test]
fn a_list_that_is_missing_or_odd_lets_nobody_in() {
    for theirs in [json!(null), json!({ "eng": true }), json!(["eng", 5]), json!(5)] {
        let outcome = complete(json!({ "allowed_groups": ["eng"] }), member_of(theirs.clone()));
        assert_eq!(outcome.error().code(), 4, "{theirs}");
    }
    for (status, code) in [(401, 7), (403, 7), (500, 6)] {
        let instance = Instance { userinfo: Response::new(status), ..Instance::default() };
        assert_eq!(complete(json!({ "allowed_groups": ["eng"] }), instance).error().code(), code, "{status}");
    }
}

#[test]
fn groups_of_another_subject_do_not_count() {
    for sub in [json!("24400321"), json!(24400320), json!(null)] {
        let instance = Instance::default().with_userinfo(json!({ "sub": sub }));
        assert_eq!(complete(json!({ "allowed_groups": ["eng"] }), instance).error().code(), 7, "{sub}");
    }
}

#[test]
fn a_blocked_account_is_not_even_asked_for_its_groups() {
    let blocked = Instance::default().with_user(json!({ "state": "blocked" }));
    assert_eq!(
        paths(&complete(json!({ "allowed_groups": ["eng"] }), blocked)),
        ["/oauth/token", "/api/v4/user"]
    );
}
