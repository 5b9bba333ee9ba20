//! The REST API.

use serde_json::{Value, json};
use vestibule_demo_idp::Person;

use crate::relying_party::{CLIENT_ID, RelyingParty, client, json};

async fn get(party: &RelyingParty, token: &str, path: &str) -> (u16, Value) {
    let answer = party.api(token, path).send().await.unwrap();
    (answer.status().as_u16(), json(answer).await)
}

#[tokio::test]
async fn shows_each_persons_account_with_its_exact_id() {
    let party = RelyingParty::start().await;
    for person in party.idp.people().into_iter().filter(|person| person.consents) {
        let token = party.token_for(&person.login, "user:email").await;
        let (status, account) = get(&party, &token, "/user").await;
        assert_eq!(status, 200);
        assert_eq!(account["id"].as_i64(), Some(person.id));
        assert_eq!(account["login"], json!(person.login));
        assert_eq!(account["name"], json!(person.name));
        assert_eq!(account["email"], json!(person.public_email));
    }
    let ids: Vec<i64> = party.idp.people().iter().map(|person| person.id).collect();
    assert!(ids.contains(&9_007_199_254_740_993));
}

#[tokio::test]
async fn refuses_a_request_without_user_agent() {
    let party = RelyingParty::start().await;
    let token = party.token_for("octavia", "").await;
    let nameless = client(None);
    for path in ["/user", "/user/emails", "/user/orgs", "/user/teams"] {
        let url = party.url(&format!("/api/v3{path}"));
        let answer = nameless.get(url).bearer_auth(&token).send().await.unwrap();
        assert_eq!(answer.status(), 403);
        assert!(answer.text().await.unwrap().contains("User-Agent"));
    }
}

#[tokio::test]
async fn refuses_a_bad_token_with_json() {
    let party = RelyingParty::start().await;
    let (status, body) = get(&party, "gho_wrong", "/user").await;
    assert_eq!((status, &body["message"]), (401, &json!("Bad credentials")));
    assert!(body["documentation_url"].is_string());
    let answer = party.http.get(party.url("/api/v3/user")).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(json(answer).await["message"], "Requires authentication");
    let (status, body) = get(&party, "gho_wrong", "/nothing").await;
    assert_eq!((status, &body["message"]), (404, &json!("Not Found")));
}

#[tokio::test]
async fn takes_the_older_authorization_scheme_and_no_malformed_version() {
    let party = RelyingParty::start().await;
    let token = party.token_for("octavia", "").await;
    let url = party.url("/api/v3/user");
    let request = party.http.get(&url).header("authorization", format!("token {token}"));
    assert_eq!(request.send().await.unwrap().status(), 200);
    let request = party.http.get(&url).bearer_auth(&token).header("x-github-api-version", "v3");
    assert_eq!(request.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn names_the_scopes_of_the_token_and_honours_them() {
    let party = RelyingParty::start().await;
    let bare = party.token_for("octavia", "").await;
    assert_eq!(get(&party, &bare, "/user").await.0, 200);
    assert_eq!(get(&party, &bare, "/user/emails").await.0, 404);
    let (status, body) = get(&party, &bare, "/user/orgs").await;
    assert_eq!(status, 403);
    assert!(body["message"].as_str().unwrap().contains("read:org"));
    assert_eq!(get(&party, &bare, "/user/teams").await.0, 404);

    let full = party.token_for("octavia", "user:email read:org").await;
    let answer = party.api(&full, "/user/emails").send().await.unwrap();
    assert_eq!(answer.headers()["x-oauth-scopes"], "user:email, read:org");
    assert_eq!(answer.headers()["x-accepted-oauth-scopes"], "user, user:email");
    assert_eq!(answer.status(), 200);
    let (_, teams) = get(&party, &full, "/user/teams").await;
    assert_eq!(teams[0]["slug"], "platform");
    assert_eq!(teams[0]["organization"]["login"], "acme");
}

#[tokio::test]
async fn lists_addresses_with_their_flags_and_the_primary_one_not_first() {
    let party = RelyingParty::start().await;
    let token = party.token_for("octavia", "user:email").await;
    let (_, emails) = get(&party, &token, "/user/emails").await;
    assert_eq!(emails.as_array().unwrap().len(), 3);
    assert_eq!(emails[0]["primary"], false);
    assert_eq!(
        emails[1],
        json!({ "email": "octavia@example.org", "primary": true, "verified": true, "visibility": "private" })
    );
    assert_eq!(emails[2]["verified"], false);
    let token = party.token_for("noor", "user:email").await;
    let (_, emails) = get(&party, &token, "/user/emails").await;
    assert!(emails.as_array().unwrap().iter().all(|email| email["verified"] == false));
}

#[tokio::test]
async fn hides_organizations_that_have_not_approved_the_application() {
    let party = RelyingParty::start().await;
    let token = party.token_for("kai", "read:org").await;
    let (_, orgs) = get(&party, &token, "/user/orgs").await;
    let logins: Vec<&Value> = orgs.as_array().unwrap().iter().map(|org| &org["login"]).collect();
    assert_eq!(logins, [&json!("acme")]);
}

#[tokio::test]
async fn pages_by_link_header_until_there_is_no_next() {
    let party = RelyingParty::start().await;
    let token = party.token_for("joiner", "read:org").await;
    for (query, pages) in [("", 5), ("?per_page=100", 2), ("?per_page=1000", 2), ("?per_page=50&page=2", 2)] {
        let mut url = party.url(&format!("/api/v3/user/orgs{query}"));
        let mut seen = Vec::new();
        let mut count = 0;
        loop {
            count += 1;
            let answer = party.http.get(&url).bearer_auth(&token).send().await.unwrap();
            let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
            seen.extend(json(answer).await.as_array().unwrap().iter().map(|org| org["login"].to_string()));
            match next(link.as_deref().unwrap_or_default()) {
                Some(next) => {
                    assert!(link.unwrap().contains("rel=\"last\""));
                    url = next;
                }
                None => break,
            }
        }
        let (expected, entries) = if query.ends_with("page=2") { (pages, 80) } else { (pages, 130) };
        assert_eq!((count, seen.len()), (expected, entries), "{query}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), entries, "no entry twice");
    }
}

fn next(link: &str) -> Option<String> {
    let part = link.split(", ").find(|part| part.ends_with("rel=\"next\""))?;
    Some(part.split_once('<')?.1.split_once('>')?.0.to_owned())
}

#[tokio::test]
async fn has_no_link_header_where_one_page_is_all() {
    let party = RelyingParty::start().await;
    let token = party.token_for("octavia", "read:org").await;
    assert!(party.api(&token, "/user/orgs").send().await.unwrap().headers().get("link").is_none());
}

#[tokio::test]
async fn revokes_a_token_for_its_client_alone() {
    let party = RelyingParty::start().await;
    let token = party.token_for("octavia", "").await;
    let url = party.url(&format!("/api/v3/applications/{CLIENT_ID}/token"));
    let body = json!({ "access_token": token }).to_string();
    let request =
        |secret: &str, body: String| party.http.delete(&url).basic_auth(CLIENT_ID, Some(secret)).body(body);
    assert_eq!(request("wrong", body.clone()).send().await.unwrap().status(), 401);
    assert_eq!(request(&party.secret, "{}".to_owned()).send().await.unwrap().status(), 422);
    assert_eq!(get(&party, &token, "/user").await.0, 200);
    assert_eq!(request(&party.secret, body.clone()).send().await.unwrap().status(), 204);
    assert_eq!(get(&party, &token, "/user").await.0, 401);
    assert_eq!(request(&party.secret, body).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn shows_a_renamed_person_under_the_same_id_and_a_deleted_one_no_more() {
    let party = RelyingParty::start().await;
    let token = party.token_for("octavia", "user:email").await;
    assert!(party.idp.update_person(583_231, |person| person.login = "octavia-renamed".to_owned()));
    // Somebody else takes the name that became free.
    party.idp.add_person(Person::new(999, "octavia", "An Impostor"));
    let (_, account) = get(&party, &token, "/user").await;
    assert_eq!((&account["id"], &account["login"]), (&json!(583_231), &json!("octavia-renamed")));
    let other = party.token_for("octavia", "").await;
    assert_eq!(get(&party, &other, "/user").await.1["id"], 999);
    party.idp.remove_person(583_231);
    assert_eq!(get(&party, &token, "/user").await.0, 401);
    assert!(!party.idp.update_person(583_231, |_| ()));
}
