//! `allowed_orgs`: who is let in. In doubt, nobody.

use serde_json::json;
use vestibule_provider::{Error, Response, testing};

use crate::fake::{CODE, FORBIDDEN, ORGANIZATIONS_1, answer, but, github, path, try_github, well};

#[test]
fn asks_for_the_scope_only_where_it_is_needed() {
    let scope = |provider: testing::TestProvider| {
        let url = provider.begin(testing::no_requests).redirect();
        url.query_pairs().find(|(name, _)| name == "scope").unwrap().1.into_owned()
    };
    assert_eq!(scope(github(json!({}))), "user:email");
    assert_eq!(scope(github(json!({ "allowed_orgs": ["octo-org"] }))), "read:org user:email");
}

#[test]
fn lets_members_in_whatever_the_case_and_the_page() {
    for allowed in ["github", "GITHUB", "octo-org", "Octo-Org"] {
        let outcome = github(json!({ "allowed_orgs": ["elsewhere", allowed] })).complete(CODE, well);
        assert_eq!(outcome.account()["account_id"], "583231", "{allowed}");
    }
}

#[test]
fn an_id_outlives_a_rename_and_is_never_read_as_a_login() {
    let renamed = but("/user/orgs", |_| answer(r#"[{"login":"renamed","id":9919}]"#));
    assert_eq!(
        github(json!({ "allowed_orgs": ["9919"] })).complete(CODE, renamed).account()["account_id"],
        "583231"
    );
    let impostor = but("/user/orgs", |_| answer(r#"[{"login":"9919","id":4711}]"#));
    assert_eq!(github(json!({ "allowed_orgs": ["9919"] })).complete(CODE, impostor).error().code(), 4);
}

#[test]
fn lets_nobody_else_in() {
    for allowed in ["elsewhere", "git", "githubx", "octo_org", "991", "09919"] {
        let outcome = github(json!({ "allowed_orgs": [allowed] })).complete(CODE, well);
        assert_eq!(outcome.error().code(), 4, "{allowed}");
        // Not one who is refused has an address fetched.
        assert!(outcome.requests.iter().all(|r| path(r) != "/user/emails"));
    }
    let nothing = but("/user/orgs", |_| answer("[]"));
    assert_eq!(github(json!({ "allowed_orgs": ["github"] })).complete(CODE, nothing).error().code(), 4);
}

#[test]
fn a_list_that_is_withheld_lets_nobody_in() {
    for status in [403, 404] {
        let withheld = but("/user/orgs", |_| Ok(Response::new(status).json_text(FORBIDDEN)));
        let outcome = github(json!({ "allowed_orgs": ["github"] })).complete(CODE, withheld);
        assert_eq!(outcome.error().code(), 4);
        assert!(outcome.error().message().contains("`read:org`"), "{}", outcome.error());
    }
}

#[test]
fn a_list_that_breaks_off_lets_nobody_in() {
    // `github` is on the first page; the second one fails.
    let second = |fault: fn() -> Result<Response, Error>| {
        let host = but("/user/orgs", move |request| {
            if request.url().ends_with("&page=2") {
                return fault();
            }
            well(request)
        });
        github(json!({ "allowed_orgs": ["github"] })).complete(CODE, host).error().code()
    };
    assert_eq!(second(|| Ok(Response::new(500))), 6);
    assert_eq!(second(|| Ok(Response::new(403).json_text(FORBIDDEN))), 4);
    assert_eq!(second(|| Err(Error::provider_down("no answer"))), 6);
    assert_eq!(second(|| answer("[{\"login\":")), 7);
    assert_eq!(second(|| answer(r#"{"message":"odd"}"#)), 7);
    assert_eq!(second(|| answer(r#"[{"login":null}]"#)), 7);
}

#[test]
fn a_list_without_end_lets_nobody_in() {
    let mut pages = 0;
    let endless = but("/user/orgs", |_| {
        pages += 1;
        let next = format!("<https://api.github.com/user/orgs?page={}>; rel=\"next\"", pages + 1);
        Ok(answer(ORGANIZATIONS_1)?.header("link", next))
    });
    let outcome = github(json!({ "allowed_orgs": ["github"] })).complete(CODE, endless);
    assert_eq!(outcome.error().code(), 7);
    assert!(outcome.error().message().contains("more than 10 pages"), "{}", outcome.error());
    assert_eq!(pages, 10);
}

#[test]
fn a_list_that_goes_on_elsewhere_takes_no_token_there() {
    let elsewhere = but("/user/orgs", |_| {
        Ok(answer(ORGANIZATIONS_1)?.header("link", "<https://evil.example/user/orgs>; rel=\"next\""))
    });
    let outcome = github(json!({ "allowed_orgs": ["github"] })).complete(CODE, elsewhere);
    assert_eq!(outcome.error().code(), 7);
    assert!(outcome.requests.iter().all(|r| !r.url().contains("evil")));
}

#[test]
fn a_login_that_cannot_be_one_is_named() {
    for login in ["", "octo org", "@github", "https://github.com/github", "größe"] {
        let error = try_github(json!({ "allowed_orgs": ["github", login] })).err().unwrap();
        assert_eq!(error.code(), 13, "{login}");
        assert!(error.message().contains(&format!("`{login}`")), "{error}");
    }
}
