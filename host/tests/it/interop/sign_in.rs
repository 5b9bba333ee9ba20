//! Who comes in, as whom, under each way in which the identity provider can be set up.

use super::{ADA, BO, CLEO, Interop, Plan};
use crate::database::on_both_databases;

/// Id, login, name, e-mail address, and whether it is verified.
type Account = (String, Option<String>, Option<String>, Option<String>, i64);

on_both_databases! {
    async fn people_come_in_as_themselves_and_stay_the_same(database) {
        let interop = Interop::start(database).await;
        let ada = interop.signs_in(ADA).await;
        assert_eq!((&ada["username"], &ada["name"]), (&"ada".into(), &"Ada Łukasiewicz".into()), "{ada}");
        let bo = interop.signs_in(BO).await;
        assert_eq!((&bo["username"], &bo["name"]), (&"bo".into(), &"佐藤 Bo".into()), "{bo}");
        assert_eq!(interop.signs_in(ADA).await["id"], ada["id"]);

        let rows: Vec<Account> = interop
            .database()
            .await
            .rows("SELECT account_id, login, name, email, email_verified FROM oauth_oidc ORDER BY account_id")
            .await;
        let row = |id: &str, login: &str, name: &str, email: &str, verified| {
            (id.to_owned(), Some(login.to_owned()), Some(name.to_owned()), Some(email.to_owned()), verified)
        };
        assert_eq!(
            rows,
            [
                row(ADA, "ada", "Ada Łukasiewicz", "ada@example.org", 1),
                row(BO, "bo", "佐藤 Bo", "bo@example.org", 0),
            ]
        );
        let database = interop.database().await;
        assert_eq!((database.count("users").await, database.count("identities").await), (2, 2));
    }

    async fn somebody_without_any_claim_but_a_subject_comes_in(database) {
        let interop = Interop::start(database).await;
        let cleo = interop.signs_in(CLEO).await;
        assert!(cleo["username"].as_str().unwrap().starts_with("user-"), "{cleo}");
        let rows: Vec<(String, Option<String>, Option<String>)> =
            interop.database().await.rows("SELECT account_id, login, email FROM oauth_oidc").await;
        assert_eq!(rows, [(CLEO.to_owned(), None, None)]);
    }

    async fn new_keys_after_a_restart_of_the_provider_are_fetched(database) {
        let mut interop = Interop::start(database).await;
        let ada = interop.signs_in(ADA).await;
        // Once: the program's clock is the real one, and keys that are missed are fetched once in 30 s.
        interop.issuer.starts_again();
        assert_eq!(interop.signs_in(ADA).await["id"], ada["id"]);
        assert_eq!(interop.database().await.count("users").await, 1);
    }

    async fn members_of_the_allowed_groups_come_in_and_nobody_else(database) {
        let plan = Plan {
            settings: "scopes = [\"openid\", \"profile\", \"groups\"]\nallowed_groups = [\"library/readers\"]",
            ..Plan::default()
        };
        let mut interop = plan.start(database).await;
        interop.signs_in(ADA).await;
        for other in [BO, CLEO] {
            let (status, line) = interop.refuses(&[other, "allow"]).await;
            assert_eq!(status, 403);
            assert!(line.contains("kind=\"refused-by-policy\"") && line.contains("groups"), "{line}");
        }
        assert_eq!(interop.database().await.count("users").await, 1);
    }
}

/// Each way of signing, of proving the client, and of saying who it is.
mod variants {
    use super::{ADA, Plan};
    use crate::database::Database;

    async fn comes_in(arguments: &'static [&'static str], settings: &'static str) {
        let interop = Plan { arguments, settings, ..Plan::default() }.start(Database::Sqlite).await;
        assert_eq!(interop.signs_in(ADA).await["name"], "Ada Łukasiewicz");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn signed_with_a_curve() {
        comes_in(&["--algorithm", "ES256"], "algorithms = [\"ES256\"]").await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn signed_with_a_curve_that_nobody_mentioned() {
        comes_in(&["--algorithm", "ES256"], "").await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn with_the_secret_in_the_form() {
        comes_in(&["--token-auth", "client_secret_post"], "token_auth = \"post\"").await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn with_all_claims_in_the_id_token() {
        comes_in(&["--claims-in-id-token"], "userinfo = \"never\"").await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn with_user_info_asked_for_in_any_case() {
        comes_in(&["--claims-in-id-token"], "userinfo = \"always\"").await;
    }
}
