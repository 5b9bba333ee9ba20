//! A database server that goes silent under the program: nobody says that its connections ended.

mod postgres {
    use super::super::*;
    use crate::database::PostgresDatabase;
    use crate::postgres::gate::Gate;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_silent_database_is_503_for_a_while_and_does_not_keep_the_program_from_ending() {
        let (installation, idp) = (Installation::new(), DemoIdp::start(Options::default()).await.unwrap());
        let database = PostgresDatabase::migrated().await;
        let gate = Gate::before(&database.url()).await;
        installation.configure_for(&idp, &format!("[database]\nurl = \"{}\"\n", gate.url(&database)));
        let mut process = installation.start();
        let nobody = "a".repeat(43);
        assert_eq!(installation.me(&nobody).await, 401);
        let mut visitor = installation.visitor();
        visitor.sign_in("github", Some("octavia")).await.unwrap();

        // A connection that is on its way back to the pool at this moment is not lent out, but replaced.
        let mut met = 0;
        while installation.me(&nobody).await == 401 {
            gate.hush();
            met += 1;
            assert!(met <= 50, "silence is never met");
        }
        process.wait_for("the database cannot be reached (`FIND_SESSION`): no answer came in time");
        let mut more = 0;
        while installation.me(&nobody).await == 503 {
            more += 1;
            assert!(more <= 10, "it has no more connections than that");
        }
        assert_eq!(installation.me(&nobody).await, 401);

        // The answer is there, and the end of the transaction in which it was read is waited for in vain.
        gate.swallow_rollbacks(true);
        let account = format!("{}/account", installation.url());
        assert_eq!(visitor.browser().visit(account.parse().unwrap()).await.unwrap().status, 200);
        let (code, lines) = process.terminate();
        assert_eq!(code, Some(0));
        assert!(lines.last().unwrap().ends_with(" INFO stopped"), "{lines:?}");
    }
}
