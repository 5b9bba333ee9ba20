//! Signing in through `oidc` and `gitlab`: who comes in, as whom, and what is asked for it.

use vestibule::web::pages::ErrorKind;
use vestibule_demo_idp::{Algorithm, CallbackIssuer, Endpoint, Personality, Pkce, TokenAuth};

use super::rig::{Reached, Wanted, cause, heard, listen, signed_in, walk};
use crate::database::everywhere;
use crate::faults::check_error_page;

const BOTH: [Personality; 2] = [Personality::Oidc, Personality::GitLab];

fn turned_away(reached: Reached, kind: ErrorKind) {
    let Reached::End(end) = reached else { panic!("{reached:?}") };
    check_error_page(&end, kind).unwrap();
}

everywhere! {
    async fn a_person_comes_in_and_is_known_the_next_time(place) {
        for who in BOTH {
            let rig = Wanted::new(who, place).start().await;
            rig.sign_in("octavia").await;
            assert_eq!(rig.rows().await, (1, 1, 1, 1, 0), "{who}");
            rig.idp.update_person(583_231, |person| person.login = "hubbard".to_owned());
            rig.sign_in("hubbard").await;
            let (users, identities, accounts, ..) = rig.rows().await;
            assert_eq!((users, identities, accounts), (1, 1, 1), "{who}");
            let subject = rig.idp.subject_of(&rig.idp.people()[0]);
            let account = (subject, Some("hubbard".to_owned()), Some("Octavia Hubbard".to_owned()), Some("octavia@example.org".to_owned()), 1);
            assert_eq!(rig.accounts().await, [account], "{who}");
            // The same person at GitHub is another user: nobody is matched by an address.
            signed_in(walk(&rig.world, "github", "octavia").await);
            assert_eq!(rig.world.count("users").await, 2, "{who}");
        }
    }

    async fn ids_keep_all_their_digits_and_addresses_their_flag(place) {
        for who in BOTH {
            let rig = Wanted::new(who, place).start().await;
            rig.sign_in("beatriz-big").await;
            rig.sign_in("noor").await;
            let accounts = rig.accounts().await;
            assert!(accounts.iter().any(|account| account.0 == "18446744073709551617"), "{who}: {accounts:?}");
            let noor = accounts.iter().find(|account| account.1.as_deref() == Some("noor")).unwrap();
            assert_eq!((noor.3.as_deref(), noor.4), (Some("noor@example.org"), 0), "{who}");
        }
    }

    async fn who_says_no_stays_out(place) {
        for who in BOTH {
            let rig = Wanted::new(who, place).start().await;
            turned_away(rig.walk("nadia-no").await, ErrorKind::DeniedByPerson);
            assert_eq!(rig.rows().await, (0, 0, 0, 0, 0));
            assert_eq!(rig.asked(Endpoint::Token), 0);
        }
    }

    async fn only_members_of_the_groups_come_in(place) {
        listen();
        for who in BOTH {
            let scopes = if who == Personality::Oidc { "scopes = [\"groups\", \"profile\"]\n" } else { "" };
            let rig = Wanted::new(who, place).settings(&format!("{scopes}allowed_groups = [\"acme\"]")).start().await;
            for member in ["octavia", "kai", "joiner"] {
                rig.sign_in(member).await;
            }
            let before = rig.rows().await;
            heard();
            for stranger in ["zoe-mueller", "noor", "beatriz-big"] {
                turned_away(rig.walk(stranger).await, ErrorKind::RefusedByPolicy);
                let log = heard();
                assert!(cause(&log, rig.name()).unwrap().contains("`allowed_groups`"), "{log}");
            }
            assert_eq!(rig.rows().await, before, "{who}");
            // The other provider does not know the rule.
            signed_in(walk(&rig.world, "github", "noor").await);
        }
    }

    async fn a_group_below_lets_in_whom_gitlab_lists_there(place) {
        let rig = Wanted::new(Personality::GitLab, place).settings("allowed_groups = [\"ACME/platform\"]").start().await;
        rig.sign_in("octavia").await;
        rig.sign_in("beatriz-big").await;
        turned_away(rig.walk("kai").await, ErrorKind::RefusedByPolicy);
    }

    async fn only_verified_addresses_of_the_domain_come_in(place) {
        for who in BOTH {
            let rig = Wanted::new(who, place).settings("email_domains = [\"Example.ORG\"]").start().await;
            rig.sign_in("octavia").await;
            turned_away(rig.walk("noor").await, ErrorKind::RefusedByPolicy);
            rig.idp.update_person(1_024_025, |person| person.emails[0].address = "kai@evil.example@example.org".to_owned());
            turned_away(rig.walk("kai").await, ErrorKind::RefusedByPolicy);
            rig.idp.update_person(1_024_025, |person| person.emails[0].address = "kai@sub.example.org".to_owned());
            turned_away(rig.walk("kai").await, ErrorKind::RefusedByPolicy);
            assert_eq!(rig.rows().await, (1, 1, 1, 1, 0), "{who}");
        }
    }

    async fn accounts_that_gitlab_would_not_let_in_stay_out(place) {
        listen();
        let rig = Wanted::new(Personality::GitLab, place).start().await;
        for (person, word) in [("bo-blocked", "`blocked`"), ("lou-locked", "locked")] {
            heard();
            turned_away(rig.walk(person).await, ErrorKind::RefusedByPolicy);
            let log = heard();
            assert!(cause(&log, "gitlab").unwrap().contains(word), "{log}");
        }
        assert_eq!(rig.rows().await, (0, 0, 0, 0, 0));
        // One that came in before stays out from then on.
        rig.sign_in("octavia").await;
        rig.idp.update_person(583_231, |person| person.state = "deactivated".to_owned());
        turned_away(rig.walk("octavia").await, ErrorKind::RefusedByPolicy);
    }

    async fn a_sign_in_asks_no_more_than_it_needs(place) {
        let counts = [Endpoint::Discovery, Endpoint::Token, Endpoint::Jwks, Endpoint::UserInfo, Endpoint::User];
        for (who, settings, first, next) in [
            (Personality::Oidc, "", [1, 1, 1, 0, 0], [1, 2, 1, 0, 0]),
            (Personality::Oidc, "userinfo = \"always\"", [1, 1, 1, 1, 0], [1, 2, 1, 2, 0]),
            (Personality::GitLab, "", [0, 1, 1, 0, 1], [0, 2, 1, 0, 2]),
            (Personality::GitLab, "allowed_groups = [\"acme\"]", [0, 1, 1, 1, 1], [0, 2, 1, 2, 2]),
        ] {
            let rig = Wanted::new(who, place).settings(settings).start().await;
            rig.sign_in("octavia").await;
            assert_eq!(counts.map(|endpoint| rig.asked(endpoint)), first, "{who} {settings}");
            rig.sign_in("octavia").await;
            assert_eq!(counts.map(|endpoint| rig.asked(endpoint)), next, "{who} {settings}");
        }
    }

    async fn an_issuer_may_do_it_its_own_way(place) {
        type Change = fn(&mut vestibule_demo_idp::Options);
        let ways: [(&str, &str, Change); 8] = [
            ("an issuer with a path", "", |o| o.openid.base_path = "/realms/demo".to_owned()),
            ("an issuer with a slash", "", |o| o.openid.issuer_slash = true),
            ("ES256", "", |o| o.openid.algorithms = vec![Algorithm::Es256]),
            ("the secret in the form alone", "", |o| o.openid.token_auth = vec![TokenAuth::Post]),
            ("no user info", "", |o| o.openid.userinfo = false),
            ("no claims in the ID token", "", |o| o.openid.claims_in_id_token = false),
            ("an iss that nobody promised", "", |o| o.openid.callback_issuer = CallbackIssuer::Unannounced),
            ("PKCE demanded", "", |o| o.openid.pkce = Pkce::Required),
        ];
        for (what, settings, change) in ways {
            let mut wanted = Wanted::new(Personality::Oidc, place).settings(settings);
            change(&mut wanted.options);
            let rig = wanted.start().await;
            assert!(matches!(rig.walk("octavia").await, Reached::End(end) if end.status == 303), "{what}");
            assert_eq!(rig.accounts().await[0].1.as_deref(), Some("octavia"), "{what}");
        }
    }

    async fn an_issuer_that_breaks_on_pkce_is_named_and_cured(place) {
        listen();
        let mut wanted = Wanted::new(Personality::Oidc, place);
        wanted.options.openid.pkce = Pkce::Refused;
        let rig = wanted.start().await;
        let reached = rig.walk("octavia").await;
        if let Reached::End(end) = reached {
            check_error_page(&end, ErrorKind::ProviderMisconfigured).unwrap();
            let log = heard();
            assert!(cause(&log, "oidc").unwrap().contains("`pkce`"), "{log}");
        }
        let mut wanted = Wanted::new(Personality::Oidc, place).settings("pkce = \"off\"");
        wanted.options.openid.pkce = Pkce::Refused;
        wanted.start().await.sign_in("octavia").await;
    }

    async fn a_provider_is_ready_while_its_issuer_is_down_and_comes_back_by_itself(place) {
        let mut wanted = Wanted::new(Personality::Oidc, place);
        wanted.options.faults = vec![(Endpoint::All, vestibule_demo_idp::Fault::Refused)];
        let rig = wanted.start().await;
        let Reached::Begin(page) = rig.walk("octavia").await else { panic!("there is nowhere to go") };
        check_error_page(&page, ErrorKind::ProviderUnreachable).unwrap();
        signed_in(walk(&rig.world, "github", "octavia").await);
        rig.idp.clear_faults();
        // Not asked again for 30 s.
        assert!(matches!(rig.walk("octavia").await, Reached::Begin(page) if page.status == 503));
        rig.world.clock.advance(std::time::Duration::from_secs(31));
        rig.idp.advance_clock(std::time::Duration::from_secs(31));
        rig.sign_in("octavia").await;
    }
}
