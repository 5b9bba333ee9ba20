//! What a provider says about a person: what of it is stored, what of it is shown, and what ends the sign-in (rows 36,
//! 45, 47, 48, 82 and 89 of docs/security.md).

use serde_json::Value;
use vestibule::web::pages::ErrorKind;
use vestibule_demo_idp::{Endpoint, Fault, Person};

use super::journey::{Journey, Seen};
use super::{check_error_page, rows};
use crate::database::{Place, everywhere};
use crate::world::{Plan, World, plain_client};

/// What a signed-in browser sees.
struct SignedIn {
    account_page: String,
    me: Value,
    check: Seen,
}

/// The columns of `oauth_github` that a provider fills.
type Stored = (String, Option<String>, Option<String>, Option<String>, Option<String>);

async fn world(place: impl Into<Place>) -> World {
    Plan { server: "begin_rate = \"100000/min\"".to_owned(), ..Plan::on(place) }.start().await
}

async fn sign_in(world: &World, login: &str) -> SignedIn {
    let end = Journey::walk(world, "github", login).await.end.unwrap();
    assert_eq!(end.status, 303, "{login:?}: \"{}\"", end.heading());
    let cookie = end.cookie("__Host-vestibule_session").unwrap();
    let get = async |path: &str| {
        let request = plain_client().get(world.at(path)).header("cookie", &cookie);
        Seen::of(request.send().await.unwrap()).await
    };
    let (page, me) = (get("/account").await, get("/api/v1/me").await);
    assert_eq!((page.status, me.status), (200, 200), "{login:?}");
    SignedIn {
        account_page: page.text(),
        me: serde_json::from_slice(&me.body).unwrap(),
        check: get("/.vestibule/check").await,
    }
}

async fn stored(world: &World, account_id: &str) -> Stored {
    let rows: Vec<Stored> = world
        .database()
        .await
        .rows("SELECT account_id, login, name, email, avatar_url FROM oauth_github")
        .await;
    rows.into_iter().find(|row| row.0 == account_id).unwrap()
}

everywhere! {
    async fn what_is_no_whole_number_is_no_account_id(place) {
        let world = world(place).await;
        for fault in [
            Fault::FloatId,
            Fault::TextId,
            Fault::NullId,
            Fault::EmptyId,
            Fault::MissingId,
            Fault::NegativeId,
            Fault::ExponentId,
            Fault::DuplicateKeys,
        ] {
            world.idp.set_fault(Endpoint::User, fault);
            let end = Journey::walk(&world, "github", "octavia").await.end.unwrap();
            check_error_page(&end, ErrorKind::ProviderBadAnswer).unwrap_or_else(|why| panic!("{fault}: {why}"));
        }
        assert_eq!(rows(&world.database().await).await, (0, 0, 0, 0, 0));
    }

    async fn an_id_is_stored_digit_by_digit_and_neighbours_stay_apart(place) {
        let world = world(place).await;
        let ids = [1, 10, 9_007_199_254_740_991, 9_007_199_254_740_992, 9_007_199_254_740_993, i64::MAX];
        for id in ids {
            world.idp.add_person(Person::new(id, &format!("person-{id}"), "Somebody"));
            sign_in(&world, &format!("person-{id}")).await;
            assert_eq!(stored(&world, &id.to_string()).await.0, id.to_string());
        }
        assert_eq!(world.count("users").await, 6);
        // More than any integer type of the host's holds.
        world.idp.set_fault(Endpoint::User, Fault::BigId);
        sign_in(&world, "octavia").await;
        assert_eq!(stored(&world, "9223372036854775808").await.1.as_deref(), Some("octavia"));
        assert_eq!(world.count("users").await, 7);
    }

    async fn text_that_no_database_takes_ends_the_sign_in(place) {
        let world = world(place).await;
        for fault in [Fault::InvalidUtf8, Fault::LoneSurrogate, Fault::HugeName, Fault::NulInName] {
            world.idp.set_fault(Endpoint::User, fault);
            let end = Journey::walk(&world, "github", "octavia").await.end.unwrap();
            check_error_page(&end, ErrorKind::ProviderBadAnswer).unwrap_or_else(|why| panic!("{fault}: {why}"));
        }
        assert_eq!(rows(&world.database().await).await, (0, 0, 0, 0, 0));
    }

    async fn markup_and_sql_in_a_name_are_stored_as_they_are_and_shown_as_text(place) {
        let world = world(place).await;
        for (id, name) in (500..).zip([
            "<script>alert(1)</script>",
            "\"><img src=x onerror=alert(1)>",
            "</title></bdi><svg onload=alert(1)>",
            "' OR 1=1--",
            "'); DROP TABLE users;--",
            "{{ 7 * 191 }}{% raw %}",
            "%s%n%00",
        ]) {
            let login = format!("person-{id}");
            world.idp.add_person(Person::new(id, &login, name));
            let seen = sign_in(&world, &login).await;
            assert_eq!(stored(&world, &id.to_string()).await.2.as_deref(), Some(name));
            assert_eq!(seen.me.pointer("/user/name").unwrap(), name);
            for live in ["<script>alert", "<img src=x", "<svg onload", "1337"] {
                assert!(!seen.account_page.contains(live), "{name}: {live}");
            }
        }
        assert_eq!(world.count("users").await, 7);
        assert_eq!(world.count("identities").await, 7);
    }

    async fn a_login_with_control_characters_reaches_no_header_and_no_page_as_such(place) {
        let world = world(place).await;
        world.idp.set_fault(Endpoint::User, Fault::ControlLogin);
        let seen = sign_in(&world, "octavia").await;
        assert_eq!(seen.me.pointer("/user/username").unwrap(), "mal-Set-Cookie-x-y-2Jlory");
        assert_eq!(seen.check.header("x-vestibule-username"), "mal-Set-Cookie-x-y-2Jlory");
        assert!(!seen.check.headers.contains_key("set-cookie"));
        assert!(!seen.account_page.contains(['\u{1b}', '\r']), "an escape sequence is shown");
        assert!(!seen.account_page.contains("mal\n"), "a line ends in the middle of the login");
        assert!(seen.account_page.contains("Set-Cookie: x=y\u{fffd}[2Jlory"));
    }

    async fn an_avatar_that_is_a_script_is_none(place) {
        let world = world(place).await;
        world.idp.set_fault(Endpoint::User, Fault::ScriptAvatar);
        let seen = sign_in(&world, "octavia").await;
        assert_eq!(stored(&world, "583231").await.4, None);
        assert_eq!(seen.me.pointer("/user/avatar_url").unwrap(), &Value::Null);
        assert!(!seen.account_page.contains("javascript:"));
    }

    async fn what_is_too_long_is_cut_or_counts_as_absent(place) {
        let world = world(place).await;
        let mut person = Person::new(7_000, &"l".repeat(256), &"é".repeat(300));
        person.emails[0].address = format!("{}@example.org", "e".repeat(320));
        world.idp.add_person(person);
        let seen = sign_in(&world, &"l".repeat(256)).await;
        let (_, login, name, email, _) = stored(&world, "7000").await;
        assert_eq!((login, name, email), (None, Some("é".repeat(255)), None));
        let username = seen.me.pointer("/user/username").unwrap().as_str().unwrap();
        assert!(username.starts_with("user-"), "without a handle: {username}");
    }

    async fn an_address_that_nobody_proved_is_not_stored(place) {
        let world = world(place).await;
        sign_in(&world, "noor").await;
        assert_eq!(stored(&world, "40404").await.3, None);
    }

    async fn a_reserved_handle_is_nobodys_username(place) {
        let world = world(place).await;
        world.idp.add_person(Person::new(8_001, "Admin", "Another"));
        let mut names = Vec::new();
        for login in ["admin", "Admin", "ada_acme"] {
            let seen = sign_in(&world, login).await;
            names.push(seen.me.pointer("/user/username").unwrap().as_str().unwrap().to_owned());
            assert_eq!(seen.me.pointer("/user/is_admin").unwrap(), false);
        }
        assert_eq!(names, ["admin-2", "Admin-3", "ada_acme"]);
    }

    async fn twins_by_case_separator_or_normalisation_are_two_users(place) {
        let world = world(place).await;
        let twins = [("Ferris", "ferris"), ("a_b", "a-b"), ("zo\u{e9}", "zoe\u{301}")];
        for (id, login) in (9_000..).zip(twins.iter().flat_map(|(one, other)| [one, other])) {
            world.idp.add_person(Person::new(id, login, "Twin"));
            sign_in(&world, login).await;
            assert_eq!(stored(&world, &id.to_string()).await.1.as_deref(), Some(*login), "byte for byte");
        }
        assert_eq!(world.count("users").await, 6);
        let names: Vec<String> = world.database().await.values("SELECT username FROM users ORDER BY id").await;
        assert_eq!(names, ["Ferris", "ferris-2", "a_b", "a-b-2", "zo", "zoe"]);
    }
}
