//! What a declaration may say, and what it comes to with metadata.

use serde_json::json;

use super::*;

fn declare(loopback: bool, change: impl FnOnce(&mut Value)) -> Result<Declaration, String> {
    let mut record = json!({
        "realm": "r",
        "issuer": {"value": "https://idp.example", "promised": true},
        "origins": ["https://idp.example", "https://api.idp.example:8443"],
        "secrets": {"client_secret": [{"origin": "https://idp.example", "path_prefix": "/oauth/"}]},
        "pkce": "off", "nonce": "off", "response_mode": "query",
        "state_in": "authorization_request", "protocol": "oauth2",
    });
    change(&mut record);
    Declaration::read(&serde_json::from_value(record).unwrap(), &["client_secret".to_owned()], loopback)
}

fn refused(change: impl FnOnce(&mut Value)) -> String {
    declare(false, change).unwrap_err()
}

/// As an OpenID Connect plugin declares it.
fn openid(change: impl FnOnce(&mut Value)) -> Result<Declaration, String> {
    declare(true, |r| {
        r["metadata"] = json!({"issuer": "https://idp.example"});
        r["issuer"] = json!({
            "value": {"from_metadata": "issuer"},
            "promised": {"from_metadata": "authorization_response_iss_parameter_supported"},
        });
        r["origins"] = json!([
            "https://static.example",
            {"from_metadata": "authorization_endpoint"},
            {"from_metadata": "token_endpoint"},
            {"from_metadata": "userinfo_endpoint"},
        ]);
        r["secrets"] = json!({"client_secret": [{"origin": {"from_metadata": "token_endpoint"}}]});
        change(r);
    })
}

fn metadata(change: impl FnOnce(&mut Value)) -> Map<String, Value> {
    let mut metadata = json!({
        "issuer": "https://idp.example",
        "authorization_endpoint": "https://LOGIN.idp.example:443/authorize?tenant=a",
        "token_endpoint": "https://idp.example/token?p=b2c",
        "authorization_response_iss_parameter_supported": true,
        "revocation_endpoint": "https://elsewhere.example/",
    });
    change(&mut metadata);
    metadata.as_object().unwrap().clone()
}

fn goes(places: &Places, url: &str) -> bool {
    places.take_secret("client_secret", &url.parse().unwrap())
}

#[test]
fn what_is_spelled_out_holds_without_metadata() {
    let declared = declare(false, |_| {}).unwrap();
    let places = declared.fixed().unwrap();
    assert!(places.origins.contains("https://api.idp.example:8443"));
    assert!(goes(places, "https://idp.example/oauth/token"));
    assert_eq!(places.issuer, Some(Issuer { value: "https://idp.example".to_owned(), promised: true }));
}

#[test]
fn an_origin_is_https_and_in_its_one_spelling() {
    for (origin, why) in [
        ("http://idp.example", "is not https"),
        ("http://127.0.0.1:9", "is not https"),
        ("ftp://idp.example", "is not https"),
        ("javascript:alert(1)", "is not https"),
        ("https://IDP.example", "is to be spelled `https://idp.example`"),
        ("https://idp.example/", "is to be spelled"),
        ("https://idp.example/path", "is to be spelled"),
        ("https://idp.example:443", "is to be spelled"),
        ("https://user@idp.example", "is to be spelled"),
        ("https://0x7f.1", "is to be spelled `https://127.0.0.1`"),
        ("idp.example", "cannot be read"),
    ] {
        let text = refused(|r| r["origins"] = json!(["https://idp.example", origin]));
        assert!(text.contains(why), "{origin}: {text}");
    }
}

#[test]
fn plain_http_is_for_loopback_while_the_server_is_there() {
    let with =
        |origin: &str| declare(true, |r| r["origins"] = json!(["https://idp.example", origin])).is_ok();
    assert!(with("http://127.0.0.1:9999") && with("http://localhost:9999") && with("http://[::1]:9999"));
    assert!(!with("http://localhost.:9999") && !with("http://0.0.0.0:9999") && !with("http://[::]:9999"));
    assert!(!with("http://idp.example") && !with("http://10.0.0.1") && !with("http://localhost.example"));
}

#[test]
fn a_secret_goes_to_declared_origins_only_and_is_one_of_the_schema() {
    let text = refused(|r| r["secrets"]["client_secret"][0]["origin"] = json!("https://evil.example"));
    assert_eq!(
        text,
        "`secrets` sends `client_secret` to `https://evil.example`, which `origins` does not name"
    );
    let text = refused(|r| r["secrets"]["other"] = json!([]));
    assert!(text.contains("`other`, which is no secret of its schema"), "{text}");
    for path in ["oauth/", "/a/../b", "/a?b", "/é"] {
        let text = refused(|r| r["secrets"]["client_secret"][0]["path_prefix"] = json!(path));
        assert!(text.contains("no path in normal form"), "{path}: {text}");
    }
}

#[test]
fn the_issuer_of_metadata_is_a_url_that_can_be_fetched() {
    for (issuer, why) in [
        ("http://idp.example", "is not https"),
        ("https://idp.example?a=b", "has a query"),
        ("https://idp.example/#a", "has a query, a fragment"),
        ("https://user@idp.example", "credentials"),
        ("idp.example", "cannot be read"),
        ("", "1 to 255 bytes"),
    ] {
        let text = openid(|r| r["metadata"]["issuer"] = json!(issuer)).unwrap_err();
        assert!(text.contains(why), "{issuer}: {text}");
    }
    for issuer in
        ["https://idp.example/", "https://idp.example/a/b", "http://127.0.0.1:1", "https://IDP.example"]
    {
        assert!(openid(|r| r["metadata"]["issuer"] = json!(issuer)).is_ok(), "{issuer}");
    }
}

#[test]
fn members_of_the_metadata_need_an_issuer_that_has_it() {
    let member = json!({"from_metadata": "token_endpoint"});
    let text = refused(|r| r["origins"] = json!([member]));
    assert_eq!(
        text,
        "`origins` is to be taken from the metadata's `token_endpoint`, and `metadata` does not say whose"
    );
    let text = refused(|r| r["issuer"]["promised"] = json!({"from_metadata": "a"}));
    assert!(text.starts_with("`issuer` is to be taken"), "{text}");
    let text =
        openid(|r| r["secrets"]["client_secret"][0]["origin"] = json!({"from_metadata": "a"})).unwrap_err();
    assert!(text.contains("to `a`, which `origins` does not name"), "{text}");
    let text = openid(|r| r["secrets"]["client_secret"][0]["path_prefix"] = json!("/")).unwrap_err();
    assert!(text.contains("has a path beside the metadata's `token_endpoint`"), "{text}");
}

#[test]
fn places_of_the_metadata_are_held_to_as_if_they_were_spelled_out() {
    let declared = openid(|_| {}).unwrap();
    assert_eq!(declared.fixed(), None);
    let places = declared.resolve(&metadata(|_| {})).unwrap();
    let origins: Vec<&str> = places.origins.iter().map(String::as_str).collect();
    assert_eq!(origins, ["https://idp.example", "https://login.idp.example", "https://static.example"]);
    assert_eq!(places.issuer, Some(Issuer { value: "https://idp.example".to_owned(), promised: true }));
    assert!(goes(&places, "https://idp.example/token") && goes(&places, "https://idp.example/token?p=x"));
    for url in ["https://idp.example/token/", "https://idp.example/", "https://login.idp.example/token"] {
        assert!(!goes(&places, url), "{url}");
    }
}

#[test]
fn a_secret_bound_to_an_endpoint_of_the_metadata_goes_to_no_path_below_it() {
    let declared = openid(|_| {}).unwrap();
    for (endpoint, below) in [("https://idp.example/", "a"), ("https://idp.example/oauth/", "token")] {
        let places = declared.resolve(&metadata(|m| m["token_endpoint"] = json!(endpoint))).unwrap();
        assert!(goes(&places, endpoint), "{endpoint}");
        assert!(!goes(&places, &format!("{endpoint}{below}")), "{endpoint}");
    }
}

#[test]
fn a_member_that_the_metadata_lacks_adds_nothing() {
    let declared = openid(|_| {}).unwrap();
    let places = declared
        .resolve(&metadata(|m| {
            let members = m.as_object_mut().unwrap();
            members.remove("token_endpoint");
            members.remove("authorization_response_iss_parameter_supported");
        }))
        .unwrap();
    assert!(!places.origins.contains("https://idp.example"));
    assert!(!goes(&places, "https://idp.example/token"));
    assert!(!places.issuer.unwrap().promised);
    for word in [json!("true"), json!(1), json!(null), json!(false)] {
        let member = "authorization_response_iss_parameter_supported";
        let places = declared.resolve(&metadata(|m| m[member] = word)).unwrap();
        assert!(!places.issuer.unwrap().promised);
    }
}

#[test]
fn an_endpoint_that_tokens_may_not_travel_to_spoils_the_metadata() {
    let declared = openid(|_| {}).unwrap();
    for (url, why) in [
        (json!("http://idp.example/token"), "is not https"),
        (json!("http://169.254.169.254/"), "is not https"),
        (json!("ftp://idp.example/"), "is not https"),
        (json!("/token"), "is no URL"),
        (json!("https://user:pass@idp.example/token"), "holds credentials"),
        (json!(["https://idp.example/token"]), "is no text"),
    ] {
        let text = declared.resolve(&metadata(|m| m["token_endpoint"] = url.clone())).unwrap_err();
        assert!(text.starts_with("`token_endpoint`") && text.contains(why), "{url}: {text}");
    }
    let loopback = metadata(|m| m["token_endpoint"] = json!("http://127.0.0.1:9/token"));
    assert!(declared.resolve(&loopback).is_ok());
    let strict = declare(false, |r| {
        r["metadata"] = json!({"issuer": "https://idp.example"});
        r["origins"] = json!([{"from_metadata": "token_endpoint"}]);
        r["secrets"] = json!({});
    });
    assert!(strict.unwrap().resolve(&loopback).is_err());
}
