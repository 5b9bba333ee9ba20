//! Who does not come in, and what the operator reads.

use super::{ADA, Interop, Plan};
use crate::database::on_both_databases;

on_both_databases! {
    async fn a_wrong_client_secret_is_named_with_its_cure(database) {
        let plan = Plan { secret: Some("not-the-secret"), ..Plan::default() };
        let mut interop = plan.start(database).await;
        let (status, line) = interop.refuses(&[ADA, "allow"]).await;
        assert_eq!(status, 502);
        assert!(line.contains("kind=\"provider-misconfigured\""), "{line}");
        for word in ["invalid_client", "`client_id`", "`client_secret`", "`token_auth`"] {
            assert!(line.contains(word), "{word}: {line}");
        }
        interop.holds_nobody().await;
    }

    async fn a_person_who_says_no_is_not_held_to_it(database) {
        let mut interop = Interop::start(database).await;
        for answers in [&[ADA, "deny"][..], &[ADA, "deny"]] {
            let (status, line) = interop.refuses(answers).await;
            assert_eq!(status, 403);
            assert!(line.contains("kind=\"denied-by-person\""), "{line}");
        }
        interop.holds_nobody().await;
        let mut visitor = interop.visitor();
        interop.answers(&mut visitor, &[ADA, "deny"]).await;
        // The provider remembers who it is, and asks again.
        let ada = interop.signs_in_again(&mut visitor, &["allow"]).await;
        assert_eq!(ada["username"], "ada");
    }

    async fn a_redirect_uri_that_is_not_registered_ends_at_the_provider(database) {
        let plan = Plan { redirect_uri: Some("http://localhost:1/auth/oidc/callback"), ..Plan::default() };
        let interop = plan.start(database).await;
        let mut visitor = interop.visitor();
        let page = visitor.begin("oidc").await.unwrap();
        assert!(page.url.as_str().starts_with(&interop.issuer.url), "{}", page.url);
        assert_eq!(page.status, 400);
        assert!(page.text().starts_with("invalid_redirect_uri"), "{}", page.text());
        let database = interop.database().await;
        assert_eq!((database.count("users").await, database.count("login_attempts").await), (0, 1));
    }

    async fn the_id_tokens_algorithm_has_to_be_one_of_those_that_are_accepted(database) {
        let plan = Plan { settings: "algorithms = [\"ES256\"]", ..Plan::default() };
        let mut interop = plan.start(database).await;
        let (status, line) = interop.refuses(&[ADA, "allow"]).await;
        assert_eq!(status, 502);
        assert!(line.contains("RS256"), "{line}");
        interop.holds_nobody().await;
    }

    async fn while_the_provider_is_down_people_stay_signed_in_and_come_in_when_it_is_back(database) {
        let mut interop = Interop::start(database).await;
        let mut visitor = interop.visitor();
        interop.signs_in_again(&mut visitor, &[ADA, "allow"]).await;
        let mut held = interop.visitor();
        let page = held.begin("oidc").await.unwrap();
        assert_eq!(page.status, 200);
        interop.issuer.stop();
        let me = visitor.browser().fetch(format!("{}/api/v1/me", interop.url).parse().unwrap()).await.unwrap();
        assert_eq!(me.status, 200);
        interop.issuer.starts_again();
        // What was begun before is unknown there, and begins anew.
        interop.signs_in(ADA).await;
        assert_eq!(interop.database().await.count("users").await, 1);
    }
}
