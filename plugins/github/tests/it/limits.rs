//! GitHub asks to wait, in its several ways ("Rate limits for the REST API").

use serde_json::json;
use vestibule_provider::{Response, testing};

use crate::fake::{CODE, FORBIDDEN, RATE_LIMITED, but, github};

#[test]
fn a_limit_is_recognised_and_tells_how_long() {
    let reset = (testing::NOW_S + 90).to_string();
    let past = (testing::NOW_S - 90).to_string();
    for (response, seconds) in [
        (Response::new(403).header("retry-after", "60"), Some(60)),
        (Response::new(429).header("retry-after", "60").header("x-ratelimit-remaining", "0"), Some(60)),
        (
            Response::new(403).header("x-ratelimit-remaining", "0").header("x-ratelimit-reset", &reset),
            Some(90),
        ),
        (Response::new(429).header("x-ratelimit-remaining", "0").header("x-ratelimit-reset", &past), Some(0)),
        (Response::new(403).header("x-ratelimit-remaining", "0").header("x-ratelimit-reset", "soon"), None),
        (Response::new(429), None),
    ] {
        for endpoint in ["/user", "/user/emails", "/user/orgs"] {
            let response = response.clone().json_text(RATE_LIMITED);
            let limited = but(endpoint, move |_| Ok(response.clone()));
            let outcome = github(json!({ "allowed_orgs": ["github"] })).complete(CODE, limited);
            assert_eq!(outcome.error().code(), 5, "{endpoint}");
            assert_eq!(outcome.error().retry_after_s(), seconds, "{endpoint}");
        }
    }
}

#[test]
fn a_refusal_is_no_limit() {
    let refused =
        but("/user", |_| Ok(Response::new(403).header("x-ratelimit-remaining", "4999").json_text(FORBIDDEN)));
    let outcome = github(json!({})).complete(CODE, refused);
    assert_eq!(outcome.error().code(), 7);
    assert_eq!(outcome.error().message(), "GET https://api.github.com/user answered 403");
}
