//! The visitor, at a toy server and the real demo provider.

use vestibule_demo_idp::visitor::{BrowseError, VisitError, Visitor};
use vestibule_demo_idp::{Endpoint, Fault};

use crate::toy_server::{Manner, ToyServer};

async fn sign_in(toy: &ToyServer, person: Option<&str>) -> Result<String, VisitError> {
    let signed_in = Visitor::new(&toy.address).unwrap().sign_in("github", person).await?;
    Ok(signed_in.username().unwrap().to_owned())
}

#[tokio::test]
async fn signs_in_as_the_person_asked_for_or_the_first_one() {
    let toy = ToyServer::start(Manner::Right).await;
    assert_eq!(sign_in(&toy, Some("zoe-mueller")).await.unwrap(), "zoe-mueller");
    assert_eq!(sign_in(&toy, None).await.unwrap(), "octavia");
}

#[tokio::test]
async fn lands_where_it_asks_to() {
    let toy = ToyServer::start(Manner::Right).await;
    let signed_in = Visitor::new(&toy.address).unwrap().sign_in("github", None).await.unwrap();
    assert_eq!(signed_in.landed, format!("{}/home", toy.address));
    assert_eq!(signed_in.id().as_deref(), Some("7"));
    let mut visitor = Visitor::new(&toy.address).unwrap().returning_to("/elsewhere");
    let signed_in = visitor.sign_in("github_corp", None).await.unwrap();
    assert_eq!(signed_in.landed, format!("{}/elsewhere", toy.address));
    assert_eq!(visitor.browser().cookies.value("localhost", "__Host-session"), Some("octavia"));
}

#[tokio::test]
async fn lists_the_providers_of_the_sign_in_page() {
    let toy = ToyServer::start(Manner::Right).await;
    let providers = Visitor::new(&toy.address).unwrap().providers().await.unwrap();
    assert_eq!(providers, ["github", "github_corp"]);
    let error = Visitor::new(&toy.address).unwrap().sign_in("gitlab", None).await.unwrap_err();
    assert_eq!(error.to_string(), "the sign-in page has no form for `gitlab`; it offers github, github_corp");
}

#[tokio::test]
async fn signs_in_through_an_openid_provider_and_gitlab() {
    let toy = ToyServer::start(Manner::OpenId).await;
    for provider in Visitor::new(&toy.address).unwrap().providers().await.unwrap() {
        let mut visitor = Visitor::new(&toy.address).unwrap();
        let signed_in = visitor.sign_in(&provider, Some("zoe-mueller")).await.unwrap();
        assert_eq!(
            (signed_in.provider.as_str(), signed_in.username()),
            (provider.as_str(), Some("zoe-mueller"))
        );
        let error =
            Visitor::new(&toy.address).unwrap().sign_in(&provider, Some("nadia-no")).await.unwrap_err();
        assert!(matches!(error, VisitError::ErrorPage { status: 403, .. }), "{error}");
    }
    assert_eq!(Visitor::new(&toy.address).unwrap().providers().await.unwrap(), ["oidc", "gitlab"]);
}

#[tokio::test]
async fn submits_a_page_that_posts_itself() {
    let toy = ToyServer::start(Manner::Reposting).await;
    assert_eq!(sign_in(&toy, Some("kai")).await.unwrap(), "kai");
}

#[tokio::test]
async fn reports_an_error_page_with_title_and_id_and_without_its_query() {
    let toy = ToyServer::start(Manner::Right).await;
    let error = sign_in(&toy, Some("nadia-no")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "`{}/auth/github/callback` answered 403: \"Access was denied\" (id abcdefgh2345wxyz)",
            toy.address
        )
    );
}

#[tokio::test]
async fn reports_a_person_whom_the_provider_does_not_offer() {
    let toy = ToyServer::start(Manner::Right).await;
    let error = sign_in(&toy, Some("nobody")).await.unwrap_err();
    assert!(error.to_string().starts_with("`nobody` is not on the page of `github`; it offers octavia, kai"));
}

#[tokio::test]
async fn reports_a_sign_in_that_left_no_session() {
    let toy = ToyServer::start(Manner::Forgetful).await;
    let error = sign_in(&toy, None).await.unwrap_err();
    assert!(matches!(error, VisitError::NoSession { status: 401, .. }), "{error}");
}

#[tokio::test]
async fn reports_faults_of_the_provider() {
    let toy = ToyServer::start(Manner::Right).await;
    toy.party.idp.set_fault(Endpoint::Authorize, Fault::ServerError);
    let error = sign_in(&toy, None).await.unwrap_err();
    assert!(matches!(error, VisitError::ErrorPage { status: 500, id: None, .. }), "{error}");
    toy.party.idp.set_fault(Endpoint::Authorize, Fault::Html);
    assert!(matches!(sign_in(&toy, None).await.unwrap_err(), VisitError::DeadEnd { .. }));
    toy.party.idp.set_fault(Endpoint::Authorize, Fault::Refused);
    let error = sign_in(&toy, None).await.unwrap_err();
    assert!(matches!(&error, VisitError::Browse(BrowseError::NoAnswer { .. })), "{error}");
    assert!(!error.to_string().contains("st-123"), "the state is not for messages: {error}");
    toy.party.idp.clear_faults();
    toy.party.idp.set_fault(Endpoint::Authorize, Fault::Huge);
    assert!(matches!(sign_in(&toy, None).await.unwrap_err(), VisitError::Browse(BrowseError::TooLong(_))));
}

#[tokio::test]
async fn fails_where_a_browser_would() {
    let toy = ToyServer::start(Manner::NoReferrer).await;
    let error = sign_in(&toy, None).await.unwrap_err();
    assert!(error.to_string().contains("Begun elsewhere: null"), "{error}");
    let toy = ToyServer::start(Manner::FormAction).await;
    let error = sign_in(&toy, None).await.unwrap_err();
    assert!(matches!(error, VisitError::Browse(BrowseError::FormAction(_))), "{error}");
}

#[tokio::test]
async fn never_leaves_this_computer() {
    let toy = ToyServer::start(Manner::Remote).await;
    let error = sign_in(&toy, None).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`https://github.com/login/oauth/authorize` is not on this computer, and the visitor stays on loopback"
    );
    let error = Visitor::new("http://192.0.2.1/").unwrap().providers().await.unwrap_err();
    assert!(matches!(error, VisitError::Browse(BrowseError::LeavesLoopback(_))));
    assert!(Visitor::new("nonsense").is_err());
}
